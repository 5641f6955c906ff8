"""Batches for training: scenes cut, scaled, mirrored, recoloured, or joined four in one."""

import cv2
import numpy as np
import torch

import shards

# An object that a cut leaves less than this share of is none.
LEAST_SHARE = 0.35
# Objects with fewer pixels than this at the trained size are not asked for.
LEAST_AREA = 40


class Pool:
    """Scenes in memory. Files that appear later are found; the oldest scenes make room."""

    def __init__(self, folder, most=5000):
        self.folder, self.most = folder, most
        self.known, self.scenes = set(), []

    def refresh(self, files):
        """Reads at most so many new files."""
        new = [path for path in shards.paths(self.folder) if path not in self.known]
        # So drawn and rendered ones are mixed.
        new.sort(key=shards.first_seed)
        for path in new[:files]:
            self.known.add(path)
            self.scenes += shards.read(path)
        del self.scenes[: max(0, len(self.scenes) - self.most)]

    def pick(self, random):
        picture, masks = self.scenes[random.integers(len(self.scenes))]
        return picture, np.unpackbits(masks, axis=2)


def cut(random, picture, masks):
    """A part of a scene, now and then, which makes things larger and cuts them."""
    if random.random() < 0.55:
        return picture, masks
    side = int(len(picture) * random.uniform(0.45, 0.95))
    top, left = random.integers(0, len(picture) - side + 1, 2)
    inside = np.s_[top : top + side, left : left + side]
    rest = masks[:, inside[0], inside[1]]
    before, after = (stack.sum((1, 2), dtype=np.int64) for stack in (masks, rest))
    kept = (after >= LEAST_SHARE * before) & (after > 0) & (after < 0.9 * side * side)
    return picture[inside], rest[kept]


def scaled(picture, masks, size):
    """At the trained size: picture, boxes, and masks at a quarter of it."""
    side = len(picture)
    method = cv2.INTER_AREA if size < side else cv2.INTER_LINEAR
    picture = cv2.resize(picture, (size, size), interpolation=method)
    boxes, small = [], []
    for mask in masks:
        rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
        if len(rows) == 0 or mask.sum(dtype=np.int64) * (size / side) ** 2 < LEAST_AREA:
            continue
        corners = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        boxes.append(np.float32(corners) * size / side)
        mask = mask.astype(np.float32)
        small.append(cv2.resize(mask, (size // 4, size // 4), interpolation=cv2.INTER_AREA))
    boxes = np.stack(boxes) if boxes else np.zeros((0, 4), np.float32)
    small = np.stack(small) if small else np.zeros((0, size // 4, size // 4), np.float32)
    return picture, boxes, small


def joined(random, pool, size):
    """Four scenes in one."""
    half, quarter = size // 2, size // 8
    picture = np.zeros((size, size, 3), np.uint8)
    boxes, masks = [], []
    for row in range(2):
        for column in range(2):
            part, part_boxes, part_masks = scaled(*cut(random, *pool.pick(random)), half)
            top, left = row * half, column * half
            picture[top : top + half, left : left + half] = part
            boxes.append(part_boxes + np.float32([left, top, left, top]))
            padding = ((0, 0), (row * quarter, (1 - row) * quarter))
            masks.append(np.pad(part_masks, (*padding, (column * quarter, (1 - column) * quarter))))
    return picture, np.concatenate(boxes), np.concatenate(masks)


def recoloured(random, picture):
    picture = picture.astype(np.float32) / 255
    if random.random() < 0.2:
        picture = picture[..., random.permutation(3)]
    if random.random() < 0.12:
        picture = np.repeat(picture.mean(2, keepdims=True), 3, 2)
    if random.random() < 0.5:
        picture = (picture ** np.exp(random.normal(0, 0.2))) * random.uniform(0.8, 1.1)
    return np.clip(picture, 0, 1)


def sample(random, pool, size):
    """One picture in RGB, 0 to 1, channels first; its boxes and masks."""
    if random.random() < 0.15:
        picture, boxes, masks = joined(random, pool, size)
    else:
        picture, boxes, masks = scaled(*cut(random, *pool.pick(random)), size)
    picture = recoloured(random, picture[..., ::-1])
    if random.random() < 0.5:
        picture, masks = picture[:, ::-1], masks[:, :, ::-1]
        boxes = np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], 1)
    if random.random() < 0.1:
        picture, masks = picture[::-1], masks[:, ::-1]
        boxes = np.stack([boxes[:, 0], size - boxes[:, 3], boxes[:, 2], size - boxes[:, 1]], 1)
    picture = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32)
    return tuple(torch.from_numpy(np.ascontiguousarray(a)) for a in (picture, boxes, masks))


def batch(random, pool, size, count):
    pictures, boxes, masks = zip(*(sample(random, pool, size) for _ in range(count)))
    pictures = torch.stack(pictures).contiguous(memory_format=torch.channels_last)
    return pictures, list(boxes), list(masks)
