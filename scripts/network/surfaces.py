"""What things and backgrounds of drawn scenes are made of: colours, noise, patterns, photographs.

All are arrays of floats, 0 to 255, in OpenCV's order of colours.
"""

import cv2
import numpy as np


def colour(random):
    hue, saturation, value = random.uniform(0, 180), random.beta(1.2, 1.5), random.beta(2, 1.4)
    hsv = np.uint8([[[hue, 255 * saturation, 255 * value]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def noise(random, height, width, octaves=4, start=2):
    """Smooth noise around 0, a sum of ever finer and weaker layers."""
    total, weight, longest = np.zeros((height, width), np.float32), 1.0, max(height, width)
    for octave in range(octaves):
        cells = start * 2**octave
        rows, columns = (max(2, cells * side // longest + 1) for side in (height, width))
        layer = random.standard_normal((rows, columns)).astype(np.float32)
        total += weight * cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC)
        weight *= random.uniform(0.35, 0.7)
    return total


def between(first, second, share):
    share = share[..., None]
    return first * (1 - share) + second * share


def clouds(random, height, width):
    share = noise(random, height, width, int(random.integers(2, 6)), int(random.integers(1, 5)))
    share = 1 / (1 + np.exp(-share * random.uniform(0.7, 4)))
    base = colour(random)
    return between(base, base + (colour(random) - base) * random.uniform(0.05, 0.6), share)


def pattern(random, height, width):
    """Stripes, checks or dots."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    angle, period = random.uniform(0, np.pi), random.uniform(3, max(6, 0.4 * width))
    along = np.sin(2 * np.pi * (columns * np.cos(angle) + rows * np.sin(angle)) / period)
    across = np.sin(2 * np.pi * (rows * np.cos(angle) - columns * np.sin(angle)) / period)
    kind = random.integers(3)
    wave = (along, np.sign(along) * np.sign(across), along * across)[kind]
    share = np.clip(wave * random.uniform(0.5, 4), -1, 1) * 0.5 + 0.5
    base = colour(random)
    return between(base, base + (colour(random) - base) * random.uniform(0.1, 0.9), share)


def from_photo(random, height, width, photos):
    """A small part of a photograph, its contrast and colour changed."""
    photo = photos[random.integers(len(photos))]
    side = max(16, int(random.uniform(0.06, 0.3) * min(photo.shape[:2])))
    top, left = (random.integers(0, extent - side + 1) for extent in photo.shape[:2])
    part = photo[top : top + side, left : left + side]
    picture = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if random.random() < 0.5:
        picture = np.roll(picture, int(random.integers(3)), 2)
    mean = picture.mean((0, 1))
    picture = mean + (picture - mean) * random.uniform(0.3, 1.0)
    return picture * 0.5 + colour(random) * 0.5 if random.random() < 0.4 else picture


def surface(random, height, width, photos):
    kind = random.random()
    if kind < 0.25:
        return np.broadcast_to(colour(random), (height, width, 3)).astype(np.float32).copy()
    if kind < 0.6 and photos:
        return from_photo(random, height, width, photos)
    return (clouds if kind < 0.85 else pattern)(random, height, width)


def backdrop(random, size, scenery):
    """A part of a photograph in which nothing stands out, out of focus or not."""
    photo = scenery[random.integers(len(scenery))]
    side = int(min(photo.shape[:2]) * random.uniform(0.25, 1.0))
    top, left = (random.integers(0, extent - side + 1) for extent in photo.shape[:2])
    part = photo[top : top + side, left : left + side]
    picture = cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    return cv2.GaussianBlur(picture, (0, 0), np.exp(random.uniform(-1.2, 1.2)))
