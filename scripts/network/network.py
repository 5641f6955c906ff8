"""The network: a class-agnostic one-stage segmenter with the ten heads of a YOLOv8-seg network.

Written from the papers: features pyramid up and down (PANet, S. Liu et al. 2018), split-and-merge
stages (CSPNet, C.-Y. Wang et al. 2020), anchor-free boxes as distributions of distances
(Generalized Focal Loss, X. Li et al. 2020), prototypes and coefficients (YOLACT, D. Bolya et al.
2019). Strides are 8, 16 and 32; each cell has 4 x 16 bins of distances, one score, 32 coefficients.

Features come from EfficientNet-Lite0 (`lite0.py`). Its layers up to stride 8 are half of the time
on an engine whose depthwise convolutions are slow, so the shipped network has plain ones there
(`PlainEarly`), which were taught to answer as Lite0's do ("FitNets", A. Romero et al. 2015).
"""

import torch
from torch import nn
from torch.nn import functional

import lite0

BINS = 16
PROTOTYPES = 32
STRIDES = (8, 16, 32)
# Channels of the pyramid at these strides.
WIDTHS = (48, 96, 128)
# Channels within the heads and before the prototypes.
HEAD = 32


def block(inputs, outputs, kernel=3, stride=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03),
        nn.SiLU(inplace=True),
    )


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(block(channels, channels), block(channels, channels))

    def forward(self, x):
        return x + self.body(x)


class Stage(nn.Module):
    """Splits the channels in two, convolves one half, and merges all three parts."""

    def __init__(self, inputs, outputs):
        super().__init__()
        half = outputs // 2
        self.split = block(inputs, 2 * half, 1)
        self.body = nn.Sequential(block(half, half), block(half, half))
        self.merge = block(3 * half, outputs, 1)

    def forward(self, x):
        kept, convolved = self.split(x).chunk(2, 1)
        return self.merge(torch.cat([kept, convolved, self.body(convolved)], 1))


class PlainEarly(nn.Module):
    """Plain convolutions in place of Lite0's layers up to stride 8."""

    def __init__(self):
        super().__init__()
        low, high = lite0.CHANNELS[:2]
        self.quarter = nn.Sequential(block(3, 24, 3, 2), block(24, 32, 3, 2), Residual(32))
        self.low = nn.Conv2d(32, low, 1)
        self.eighth = nn.Sequential(block(32, 64, 3, 2), Residual(64))
        self.high = nn.Conv2d(64, high, 1)

    def forward(self, x):
        x = self.quarter(x * 4 - 2)
        return self.low(x), self.high(self.eighth(x))


def head(inputs, depth, outputs):
    blocks = [block(HEAD if i else inputs, HEAD) for i in range(depth)]
    return nn.Sequential(*blocks, nn.Conv2d(HEAD, outputs, 1))


def twice(x):
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Network(nn.Module):
    """Boxes, scores, coefficients of the three levels, and prototypes; scores are logits."""

    def __init__(self, plain=False):
        super().__init__()
        self.early = PlainEarly() if plain else lite0.Early()
        self.late = lite0.Late()
        fine, middle, coarse = WIDTHS
        low, *others = lite0.CHANNELS
        self.lateral = nn.ModuleList(block(i, o, 1) for i, o in zip(others, WIDTHS))
        self.top_down_middle = Stage(coarse + middle, middle)
        self.top_down_fine = Stage(middle + fine, fine)
        self.down_middle = block(fine, fine, 3, 2)
        self.bottom_up_middle = Stage(fine + middle, middle)
        self.down_coarse = block(middle, middle, 3, 2)
        self.bottom_up_coarse = Stage(middle + coarse, coarse)
        self.boxes = nn.ModuleList(head(width, 2, 4 * BINS) for width in WIDTHS)
        self.scores = nn.ModuleList(head(width, 1, 1) for width in WIDTHS)
        self.coefficients = nn.ModuleList(head(width, 2, PROTOTYPES) for width in WIDTHS)
        self.from_low = block(low, HEAD, 1)
        self.from_fine = block(fine, HEAD, 1)
        self.prototypes = nn.Sequential(block(HEAD, HEAD), nn.Conv2d(HEAD, PROTOTYPES, 1))
        for layers in self.scores:
            nn.init.constant_(layers[-1].bias, -5.0)
        for layers in self.boxes:
            nn.init.constant_(layers[-1].bias, 1.0)

    def forward(self, x):
        low, fine = self.early(x)
        features = (fine, *self.late(fine))
        fine, middle, coarse = (layer(x) for layer, x in zip(self.lateral, features))
        middle = self.top_down_middle(torch.cat([twice(coarse), middle], 1))
        fine = self.top_down_fine(torch.cat([twice(middle), fine], 1))
        middle = self.bottom_up_middle(torch.cat([self.down_middle(fine), middle], 1))
        coarse = self.bottom_up_coarse(torch.cat([self.down_coarse(middle), coarse], 1))
        levels = (fine, middle, coarse)
        return (
            [layers(x) for layers, x in zip(self.boxes, levels)],
            [layers(x) for layers, x in zip(self.scores, levels)],
            [layers(x) for layers, x in zip(self.coefficients, levels)],
            self.prototypes(twice(self.from_fine(fine)) + self.from_low(low)),
        )


def anchors(height, width):
    """Centres of the cells in pixels, and their strides, level by level, row by row."""
    points, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(
            torch.arange(height // stride) + 0.5, torch.arange(width // stride) + 0.5, indexing="ij"
        )
        points.append(torch.stack([columns, rows], -1).view(-1, 2) * stride)
        strides.append(torch.full((rows.numel(),), float(stride)))
    return torch.cat(points), torch.cat(strides)


def flat(outputs):
    """All levels in one: logits of bins, logits of scores, coefficients by cell; prototypes."""
    *heads, prototypes = outputs
    boxes, scores, coefficients = (
        torch.cat([level.flatten(2) for level in levels], 2).transpose(1, 2) for levels in heads
    )
    return boxes, scores[..., 0], coefficients, prototypes


def decode(boxes, points, strides):
    """Corners in pixels: each distance is the mean of its distribution."""
    bins = torch.arange(BINS, dtype=boxes.dtype, device=boxes.device)
    distances = boxes.reshape(*boxes.shape[:-1], 4, BINS).softmax(-1) @ bins * strides[:, None]
    return torch.cat([points - distances[..., :2], points + distances[..., 2:]], -1)
