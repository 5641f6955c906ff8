"""Writes the network as an ONNX file, and reads its weights back from one.

    export.py CHECKPOINT FILE

The file has free axes, and the outputs that FastSAM's exports have: `output0`, 1 x 37 x cells
(centre and size of boxes in pixels, score, 32 coefficients) and `output1`, 1 x 32 x H/4 x W/4. Batch
normalisation is folded into the convolutions. Weights are 16-bit floats with a Cast behind each,
which halves the file; the network computes in 32 bits.
"""

import argparse

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from network import BINS, PROTOTYPES, STRIDES, Network

NOTE = "the built-in network: a demonstration, not FastSAM"
SIZE = 320
# Smaller tensors stay as they are.
LEAST_HALVED = 256


class TwoOutputs(nn.Module):
    """Boxes decoded, scores after their sigmoid, all levels side by side."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        boxes, scores, coefficients, prototypes = self.network(x)
        rows = []
        for stride, box, score, coefficient in zip(STRIDES, boxes, scores, coefficients):
            height, width = box.shape[2], box.shape[3]
            bins = torch.arange(BINS, dtype=box.dtype).view(1, 1, BINS, 1)
            distances = (box.reshape(1, 4, BINS, -1).softmax(2) * bins).sum(2)
            columns = (torch.arange(width, device=x.device) + 0.5).expand(height, width)
            lines = (torch.arange(height, device=x.device) + 0.5)[:, None].expand(height, width)
            centres = torch.stack([columns.reshape(-1), lines.reshape(-1)])[None]
            low, high = centres - distances[:, :2], centres + distances[:, 2:]
            parts = [(low + high) / 2 * stride, (high - low) * stride]
            parts.append(score.reshape(1, 1, -1).sigmoid())
            parts.append(coefficient.reshape(1, PROTOTYPES, -1))
            rows.append(torch.cat(parts, 1))
        return torch.cat(rows, 2), prototypes


def convolutions(network):
    """Each convolution by name, with the normalisation that follows it or None."""
    modules = dict(network.named_modules())
    for name, module in modules.items():
        if isinstance(module, nn.Conv2d):
            prefix, _, last = name.rpartition(".")
            behind = modules.get(f"{prefix}.{int(last) + 1}") if last.isdigit() else None
            yield name, module, behind if isinstance(behind, nn.BatchNorm2d) else None


def folded(network):
    """Weights and biases by the names of the convolutions, normalisation folded in."""
    weights = {}
    for name, convolution, norm in convolutions(network):
        weight, bias = convolution.weight.detach(), convolution.bias
        if norm is not None:
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            weight = weight * scale[:, None, None, None]
            bias = norm.bias - norm.running_mean * scale
        weights[f"{name}.weight"] = weight
        weights[f"{name}.bias"] = bias.detach()
    return weights


def restore(network, path):
    """Fills a network with a file's weights; normalisation begins as nothing."""
    graph = onnx.load(path).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # The exporter stores equal tensors once, so biases are found by who uses them.
    aliases = {
        node.output[0]: node.input[0] for node in graph.node if node.op_type in ("Cast", "Identity")
    }

    def named(name):
        while name in aliases:
            name = aliases[name]
        return name

    biases = {
        named(node.input[1]): stored[named(node.input[2])]
        for node in graph.node
        if node.op_type == "Conv"
    }
    with torch.no_grad():
        for name, convolution, norm in convolutions(network):
            weight = torch.from_numpy(stored[f"{name}.weight"].astype(np.float32))
            bias = torch.from_numpy(biases[f"{name}.weight"].astype(np.float32))
            convolution.weight.copy_(weight)
            if norm is None:
                convolution.bias.copy_(bias)
            else:
                norm.running_mean.zero_()
                norm.running_var.fill_(1 - norm.eps)
                norm.weight.fill_(1)
                norm.bias.copy_(bias)


def fold(network):
    """A copy of the network without normalisation: convolutions carry their names."""
    weights = folded(network)
    copy = Network(plain=not hasattr(network.early, "stem"))
    modules = dict(copy.named_modules())
    for name, convolution, norm in list(convolutions(copy)):
        if norm is not None:
            convolution.bias = nn.Parameter(torch.zeros(convolution.out_channels))
            prefix, _, last = name.rpartition(".")
            modules[prefix][int(last) + 1] = nn.Identity()
    copy.load_state_dict(weights)
    return copy.eval()


def halve(model):
    """Large tensors as 16-bit floats, with a Cast in front of who uses them."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= LEAST_HALVED:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name))
            wide = f"{name}_f32"
            casts.append(onnx.helper.make_node("Cast", [name], [wide], to=onnx.TensorProto.FLOAT))
            for node in model.graph.node:
                for i, used in enumerate(node.input):
                    if used == name:
                        node.input[i] = wide
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def export(network, path):
    model = TwoOutputs(fold(network)).eval()
    torch.onnx.export(
        model,
        (torch.rand(1, 3, SIZE, SIZE),),
        path,
        input_names=["images"],
        output_names=["output0", "output1"],
        dynamic_axes={
            "images": {2: "height", 3: "width"},
            "output0": {2: "anchors"},
            "output1": {2: "mask_height", 3: "mask_width"},
        },
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        # Names are those of the network, without the wrapper's.
        old, new = tensor.name, tensor.name.removeprefix("network.")
        tensor.name = new
        for node in model.graph.node:
            for i, used in enumerate(node.input):
                if used == old:
                    node.input[i] = new
    halve(model)
    metadata = {"task": "segment", "names": "{0: 'object'}", "stride": "32", "batch": "1"}
    metadata |= {"imgsz": f"[{SIZE}, {SIZE}]", "channels": "3", "description": NOTE}
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model)
    onnx.save(model, path)


def load(path):
    """A network from a checkpoint of the teacher or the student."""
    state = torch.load(path, map_location="cpu", weights_only=True)["average"]
    network = Network(plain="early.stem.0.weight" not in state)
    network.load_state_dict(state)
    return network.eval()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint")
    parser.add_argument("file")
    given = parser.parse_args()
    export(load(given.checkpoint), given.file)
