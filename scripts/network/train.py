"""Trains the network, one phase after the other; each goes on where its checkpoint stands.

    train.py teacher   the pyramid and the heads, on Lite0's frozen features
    train.py early     plain convolutions that answer as Lite0's layers up to stride 8 do
    train.py student   both put together, and everything trained further

The optimiser is AdamW (I. Loshchilov, F. Hutter 2019) with a cosine schedule; weights are averaged
over time, and the average is what is kept.
"""

import argparse
import copy
import math
import os
import time

import numpy as np
import torch

import batches
import export
import lite0
import losses
import sources
from network import Network

# Sides of pictures, and how often each is drawn.
SIZES = (160, 192, 224, 256, 320)
SHARES = (0.15, 0.3, 0.25, 0.2, 0.1)
# Pictures of a batch at 192; of larger ones there are fewer.
PICTURES = 8
WARM_UP = 100
# Steps after which new files of scenes are looked for, and how many are read then.
REFRESH, MORE_FILES = 25, 8
PHASES = {"teacher": 2e-3, "early": 3e-3, "student": 6e-4}


def average_into(average, network, step):
    decay = min(0.998, (1 + step) / (10 + step))
    pairs = zip(average.state_dict().values(), network.state_dict().values())
    with torch.no_grad():
        for kept, new in pairs:
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def save(path, state):
    torch.save(state, path + ".part")
    os.replace(path + ".part", path)


class Task:
    """The detection and the masks: for the teacher and the student."""

    def __init__(self, network, frozen):
        self.network, self.frozen = network, frozen

    def train_mode(self):
        self.network.train()
        # Statistics of pretrained layers stay: batches are too small to replace them.
        for module in self.frozen:
            module.eval()

    def loss(self, random, pool, size, count):
        pictures, boxes, masks = batches.batch(random, pool, size, count)
        outputs = self.network(pictures)
        return losses.total(outputs, boxes, masks, size, size)


class Imitation:
    """Plain convolutions learn the features that Lite0's layers give."""

    def __init__(self, network, model):
        self.network, self.model = network, model.eval().requires_grad_(False)

    def train_mode(self):
        self.network.train()

    def loss(self, random, pool, size, count):
        pictures, _, _ = batches.batch(random, pool, size, count)
        with torch.no_grad():
            wanted = self.model(pictures)
        parts = {}
        for name, got, want in zip(("quarter", "eighth"), self.network(pictures), wanted):
            scale = want.var((0, 2, 3), keepdim=True) + 1e-4
            parts[name] = ((got - want) ** 2 / scale).mean()
        return sum(parts.values()), {name: float(part.detach()) for name, part in parts.items()}


def prepare(phase, given):
    """The task, and groups of parameters with their learning rates."""
    rate = PHASES[phase]
    weights = sources.lite0_weights(os.path.join(given.data, "packages"))
    if phase == "early":
        model, late = lite0.Early(), lite0.Late()
        lite0.load(weights, model, late)
        network = Network(plain=True).early
        return Imitation(network, model), [{"params": list(network.parameters()), "rate": rate}]
    network = Network(plain=phase == "student")
    if phase == "teacher":
        lite0.load(weights, network.early, network.late)
        frozen = (network.early, network.late)
        for module in frozen:
            module.requires_grad_(False)
        others = [p for p in network.parameters() if p.requires_grad]
        return Task(network, frozen), [{"params": others, "rate": rate}]
    if given.from_onnx:
        export.restore(network, given.from_onnx)
    else:
        teacher, early = (checkpoint(given, name)["average"] for name in ("teacher", "early"))
        teacher = {k: v for k, v in teacher.items() if not k.startswith("early.")}
        network.load_state_dict(teacher | {f"early.{k}": v for k, v in early.items()})
    late = list(network.late.parameters())
    known = {id(p) for p in late}
    others = [p for p in network.parameters() if id(p) not in known]
    groups = [{"params": others, "rate": rate}, {"params": late, "rate": rate * 0.3}]
    return Task(network, (network.late,)), groups


def checkpoint_path(given, phase):
    return os.path.join(given.data, f"{phase}.pt")


def checkpoint(given, phase):
    return torch.load(checkpoint_path(given, phase), map_location="cpu", weights_only=True)


def train(phase, given):
    torch.set_num_threads(given.threads)
    # Weights begin with the seed, and steps have seeds of their own.
    torch.manual_seed(given.seed)
    task, groups = prepare(phase, given)
    network = task.network.to(memory_format=torch.channels_last)
    average = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(groups, lr=PHASES[phase], weight_decay=0.02, betas=(0.9, 0.99))
    step, path = 0, checkpoint_path(given, phase)
    if os.path.exists(path):
        state = checkpoint(given, phase)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    # A step depends on its number alone, so that an interrupted run goes on as it would have.
    pool = batches.Pool(given.data)
    pool.refresh(given.files + MORE_FILES * math.ceil(step / REFRESH))
    sums, counted, saved = {}, 0, time.time()
    while step < given.steps:
        random = np.random.default_rng([given.seed, len(phase), step])
        torch.manual_seed(int(random.integers(1 << 31)))
        if step % REFRESH == 0:
            pool.refresh(MORE_FILES)
        share = min(1, (step + 1) / WARM_UP)
        share *= 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / given.steps))
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] * share
        size = int(random.choice(SIZES, p=SHARES))
        task.train_mode()
        loss, parts = task.loss(random, pool, size, max(4, round(PICTURES * (192 / size) ** 2)))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        average_into(average, network, step)
        step, counted = step + 1, counted + 1
        sums = {name: sums.get(name, 0) + part for name, part in parts.items()}
        if step % 20 == 0:
            means = " ".join(f"{name} {total / counted:.3f}" for name, total in sums.items())
            clock, cpu = time.strftime("%H:%M:%S"), time.process_time()
            so_far = f"{clock} cpu {cpu:.0f} s, step {step}, {len(pool.scenes)} scenes"
            print(f"{so_far}: {means}", flush=True)
            sums, counted = {}, 0
        if time.time() - saved > 120 or step == given.steps:
            state = {"network": network.state_dict(), "average": average.state_dict()}
            save(path, state | {"optimizer": optimizer.state_dict(), "step": step})
            saved = time.time()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phase", choices=PHASES)
    parser.add_argument("--data", required=True, help="what sources.py and shards.py fill")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--files", type=int, default=200, help="files of scenes to begin with")
    parser.add_argument("--from-onnx", help="begin the student with this file's weights")
    given = parser.parse_args()
    train(given.phase, given)
