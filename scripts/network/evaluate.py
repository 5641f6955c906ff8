"""How good a network is: on pictures outlined by hand, on fresh scenes, over a still film.

    evaluate.py FILE.onnx --data DATA [--sizes 320 ...] [--show DIR]
    evaluate.py --program "fastsamd segment [OPTIONS]" --data DATA [--show DIR]

For each thing the best IoU with any segment counts, and whether that is 0.5 or more ("found"). A
segment is right when it has an IoU of 0.5 or more with some thing; things that were not drawn make
that figure lower than it is. Confidence 0.25, box IoU 0.7, as `fastsamd segment` has them. With --program
its own answers count, at the sizes that it chooses: `--backend mock` among the options judges the mock.
"""

import argparse
import colorsys
import glob
import json
import os
import shlex
import subprocess
import tempfile

import cv2
import numpy as np
import onnxruntime

import shards

CONFIDENCE, SUPPRESSION, MOST = 0.25, 0.7, 300
FILM_FRAMES, FILM_NOISE = 40, 3.0
JUDGED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "judged.txt")


class Segmenter:
    """Masks from a file with the two outputs of FastSAM's exports."""

    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)

    def run(self, picture, size):
        """Boxes, scores and coefficients of the cells, prototypes, and the scale."""
        height, width = picture.shape[:2]
        scale = size / max(height, width)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas = np.full((size, size, 3), 114, np.uint8)
        left, top = (size - inner[0]) // 2, (size - inner[1]) // 2
        small = cv2.resize(picture, inner, interpolation=method)
        canvas[top : top + inner[1], left : left + inner[0]] = small
        tensor = canvas[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255
        cells, prototypes = self.session.run(None, {"images": tensor})
        return cells[0], prototypes[0], (top, left, inner)

    def __call__(self, picture, size, confidence=CONFIDENCE):
        """(score, mask of the picture's size) of every segment, the best first."""
        cells, prototypes, (top, left, inner) = self.run(picture, size)
        cells = cells[:, cells[4] > confidence]
        cells = cells[:, np.argsort(-cells[4], kind="stable")[:1000]]
        centre, extent = cells[:2], cells[2:4]
        corners = np.concatenate([centre - extent / 2, centre + extent / 2])
        height, width = picture.shape[:2]
        found = []
        for i in suppress(corners):
            logits = np.tensordot(cells[5:, i], prototypes, 1)
            logits = cv2.resize(logits, (size, size), interpolation=cv2.INTER_LINEAR)
            mask = np.zeros((size, size), np.uint8)
            x0, y0, x1, y1 = np.clip(np.ceil(corners[:, i]), 0, size).astype(int)
            mask[y0:y1, x0:x1] = logits[y0:y1, x0:x1] > 0
            mask = mask[top : top + inner[1], left : left + inner[0]]
            mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) > 0
            if mask.any():
                found.append((float(cells[4, i]), mask))
        return found[:MOST]


class Program:
    """Masks as `fastsamd segment` answers them."""

    def __init__(self, command):
        self.command = shlex.split(command)

    def __call__(self, picture, _size):
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            cv2.imwrite(file.name, picture)
            done = subprocess.run([*self.command, file.name], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)["segments"]
        return [(segment["score"], decoded(segment["segmentation"])) for segment in found]


def decoded(rle):
    """The mask of COCO's compressed run lengths (cocoapi, maskApi.c)."""
    counts, place, text = [], 0, rle["counts"].encode()
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            byte = text[place] - 48
            place += 1
            value |= (byte & 31) << shift
            shift += 5
            more = byte & 32
        if byte & 16:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    pixels = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    height, width = rle["size"]
    return pixels.reshape(width, height).T


def suppress(corners):
    """Indices of boxes that no better one overlaps by more than the limit."""
    kept = []
    areas = np.prod(corners[2:] - corners[:2], 0)
    for i in range(corners.shape[1]):
        low = np.maximum(corners[:2, i : i + 1], corners[:2, kept])
        high = np.minimum(corners[2:, i : i + 1], corners[2:, kept])
        common = np.prod(np.clip(high - low, 0, None), 0)
        if not (common / (areas[i] + areas[kept] - common) > SUPPRESSION).any():
            kept.append(i)
    return kept


def outline(words, height, width):
    """The mask of a line of the file of outlines."""
    mask = np.zeros((height, width), np.uint8)
    is_ellipse = words[0] == "o"
    points = np.array([word.split(",") for word in words[is_ellipse:]], float)
    points = points * (width, height) / 100
    if is_ellipse:
        centre, axes = np.round(points * 16).astype(int).tolist()
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1, cv2.LINE_8, 4)
    else:
        cv2.fillPoly(mask, [np.round(points).astype(np.int32)], 1)
    return mask > 0


def judged(folder, longest=640):
    """Name, picture and masks of what is outlined; pictures not in the folder are left out."""
    entries = []
    with open(JUDGED, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for line in lines:
        if line.startswith("#") or not line.strip():
            continue
        if ": " in line:
            entries.append((line.split(": "), []))
        else:
            entries[-1][1].append(line.split())
    for (package, end), things in entries:
        paths = glob.glob(f"{glob.escape(folder)}/judged/{package}/**/{end}", recursive=True)
        if not paths:
            print(f"{package}: no {end}")
            continue
        picture = cv2.imread(paths[0])
        scale = longest / max(picture.shape[:2])
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        masks = [outline(words, *picture.shape[:2]) for words in things]
        name = os.path.splitext(end)[0].replace("/contents", "").replace("/", "_")
        yield name, picture, [mask for mask in masks if mask.any()]


def overlaps(masks, others):
    """IoU of each mask with each other."""
    if not masks or not others:
        return np.zeros((len(masks), len(others)))
    left, right = (np.stack([m.ravel() for m in ms]).astype(np.float32) for ms in (masks, others))
    common = left @ right.T
    return common / (left.sum(1)[:, None] + right.sum(1)[None] - common)


class Tally:
    """Sums up pictures."""

    def __init__(self):
        self.best, self.right, self.counts = [], [], []

    def add(self, true, found):
        table = overlaps(true, found)
        if found:
            self.best += table.max(1).tolist()
            self.right += (table.max(0) >= 0.5).tolist() if true else [False] * len(found)
        else:
            self.best += [0.0] * len(true)
        self.counts.append(len(found))

    def __str__(self):
        best = np.array(self.best)
        return (
            f"{len(self.counts)} pictures, {len(best)} things: mean best IoU {best.mean():.3f}, "
            f"found {100 * (best >= 0.5).mean():.0f} %, right {sum(self.right)} of {len(self.right)} "
            f"segments, {np.mean(self.counts):.1f} a picture"
        )


def painted(picture, masks):
    """The picture with its segments, largest first, and their outlines."""
    canvas = picture.astype(np.float32)
    for i, mask in enumerate(sorted(masks, key=lambda mask: -mask.sum())):
        colour = np.array(colorsys.hsv_to_rgb(i * 0.618 % 1, 0.9, 1)) * 255
        canvas[mask] = canvas[mask] * 0.5 + colour * 0.5
    canvas = canvas.astype(np.uint8)
    for mask in masks:
        lines, _ = cv2.findContours(np.uint8(mask), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, lines, -1, (255, 255, 255), 1)
    return canvas


def scenes(folder):
    """Scenes with seeds from `shards.JUDGED` on."""
    for path in shards.paths(folder, judged=True):
        for picture, masks in shards.read(path):
            yield picture, list(np.unpackbits(masks, axis=2) > 0)


def changes(segmenter, picture, size):
    """The share of frames in which the count changes, on a still film with mild noise."""
    random, counts = np.random.default_rng(1), []
    for _ in range(FILM_FRAMES):
        frame = picture + random.normal(0, FILM_NOISE, picture.shape)
        counts.append(len(segmenter(np.uint8(np.clip(frame + 0.5, 0, 255)), size)))
    return np.mean(np.diff(counts) != 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("--program", help="a command that segments pictures, in place of a model")
    parser.add_argument("--data", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[320])
    parser.add_argument("--show", help="a folder for pictures: what is in them, and what is found")
    parser.add_argument("--film", action="store_true", help="counts over a still film as well")
    given = parser.parse_args()
    if (given.model is None) == (given.program is None):
        parser.error("expected a model or --program")
    segmenter = Program(given.program) if given.program else Segmenter(given.model)
    if given.program:
        given.sizes = [0]
    pictures = list(judged(given.data))
    for size in given.sizes:
        tally, steady = Tally(), []
        for name, picture, masks in pictures:
            found = [mask for _, mask in segmenter(picture, size)]
            tally.add(masks, found)
            if "coins" in name:
                coins = (overlaps(masks, found).max(1, initial=0) >= 0.5).sum()
                print(f"size {size}: {coins} of {len(masks)} coins")
            if given.film:
                steady.append(changes(segmenter, picture, size))
            if given.show:
                os.makedirs(given.show, exist_ok=True)
                both = np.hstack([painted(picture, masks), painted(picture, found)])
                cv2.imwrite(os.path.join(given.show, f"{name}-{size}.jpg"), both)
        print(f"size {size}: photographs and drawings: {tally}")
        if steady:
            print(f"size {size}: the count changes in {100 * np.mean(steady):.0f} % of frames")
        tally = Tally()
        for picture, masks in scenes(given.data):
            tally.add(masks, [mask for _, mask in segmenter(picture, size)])
        if tally.counts:
            print(f"size {size}: fresh scenes: {tally}")
