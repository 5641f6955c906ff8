"""Scenes made beforehand, so that training never waits for them: files of some dozens each.

    shards.py DATA --count N [--first SEED] [--kind drawn|rendered]

A file holds `pictures` (scene, row, column, colour), `masks` (object, row, column / 8: one bit
for a pixel) and `counts`, the objects of each scene. Scene and seed belong together: the same
command makes the same files.
"""

import argparse
import glob
import os

import numpy as np

import scenes
import sources

SIDE = 320
PER_FILE = 32
# Seeds of scenes that are judged by, never trained on.
JUDGED = 50_000_000


def write(path, made):
    masks = [np.array(masks, bool).reshape(-1, SIDE, SIDE) for _, masks in made]
    arrays = {
        "pictures": np.stack([picture for picture, _ in made]),
        "masks": np.packbits(np.concatenate(masks), axis=2),
        "counts": np.array([len(m) for m in masks]),
    }
    # Whoever looks for files finds whole ones only.
    with open(path + ".part", "wb") as file:
        np.savez(file, **arrays)
    os.replace(path + ".part", path)


def read(path):
    """(picture, packed masks) of each scene in a file."""
    with np.load(path) as arrays:
        ends = np.cumsum(arrays["counts"])
        masks = np.split(arrays["masks"], ends[:-1])
        return list(zip(arrays["pictures"], masks))


def paths(folder, judged=False):
    """Files of scenes to train on, or to judge by."""
    found = sorted(glob.glob(os.path.join(folder, "scenes", "*.npz")))
    return [path for path in found if (first_seed(path) >= JUDGED) == judged]


def first_seed(path):
    return int(os.path.splitext(path)[0].rpartition("-")[2])


def make(folder, kind, first, count):
    photos, scenery, cuts = sources.load(folder)
    if kind == "rendered":
        import rendered

        rendered.connect()

        def one(random):
            return rendered.scene(random, SIDE, photos)

    else:

        def one(random):
            return scenes.scene(random, SIDE, photos, scenery, cuts)

    os.makedirs(os.path.join(folder, "scenes"), exist_ok=True)
    for start in range(first, first + count, PER_FILE):
        path = os.path.join(folder, "scenes", f"{kind}-{start:08}.npz")
        if not os.path.exists(path):
            seeds = range(start, start + PER_FILE)
            write(path, [one(np.random.default_rng([len(kind), seed])) for seed in seeds])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--kind", choices=("drawn", "rendered"), default="drawn")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=4096)
    given = parser.parse_args()
    make(given.data, given.kind, given.first, given.count)
