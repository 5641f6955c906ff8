"""Drawn scenes with known objects: shapes and cut-outs with surfaces, light, shadow and occlusion.

A scene is a picture and one mask for each object, of what is seen of it. Patches of other colour
within a shape belong to it, so that a thing of many colours is learnt as one.
"""

import cv2
import numpy as np

from surfaces import backdrop, colour, noise, surface

cv2.setNumThreads(0)

# Objects smaller than this many pixels, or larger than this share, are no objects.
LEAST_PIXELS, LARGEST_SHARE = 50, 0.85
# What occlusion leaves is one object as long as one part has this share.
DOMINANT_SHARE = 0.75


def rotated(points, degrees, centre):
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return points @ turn + centre


def outline(random, size):
    """The outline of a filled shape, or None for one that is made of strokes or ellipses."""
    kind = random.random()
    most = 1.1 if random.random() < 0.6 else 0.2
    aspect = np.exp(random.uniform(-most, most))
    wide, high = 0.47 * size * min(1, aspect), 0.47 * size * min(1, 1 / aspect)
    angles = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    cosine, sine = np.cos(angles), np.sin(angles)
    if kind < 0.24:
        points = np.stack([wide * cosine, high * sine], 1)
    elif kind < 0.42:
        power = 2 / random.uniform(2.5, 10)
        points = [wide * np.sign(cosine) * np.abs(cosine) ** power]
        points.append(high * np.sign(sine) * np.abs(sine) ** power)
        points = np.stack(points, 1) * 0.85
    elif kind < 0.66:
        radius = np.ones_like(angles)
        for wave in range(1, int(random.integers(2, 7))):
            swing = random.normal(0, 0.35 / wave**0.8)
            radius += swing * np.cos(wave * angles + random.uniform(0, 7))
        radius = np.clip(radius, 0.15, None)
        radius /= radius.max()
        points = np.stack([wide * radius * cosine, high * radius * sine], 1)
    elif kind < 0.78:
        corners = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 9))))
        radius = random.uniform(0.45, 1, len(corners))
        points = np.stack([wide * radius * np.cos(corners), high * radius * np.sin(corners)], 1)
    else:
        return None
    return rotated(points, random.uniform(0, 360) if random.random() < 0.6 else 0.0, size / 2)


def shape(random, size):
    """A filled mask, 0 to 255."""
    mask = np.zeros((size, size), np.uint8)
    points = outline(random, size)
    if points is not None:
        cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    elif random.random() < 0.4:
        points = np.cumsum(random.normal(0, 1, (int(random.integers(2, 6)), 2)), 0)
        points -= points.min(0)
        points = points / max(points.max(), 1e-3) * 0.7 * size + 0.15 * size
        width = max(2, int(size * random.uniform(0.04, 0.22)))
        cv2.polylines(mask, [np.int32(points)], False, 255, width, cv2.LINE_AA)
    else:
        for _ in range(int(random.integers(2, 5))):
            axes = np.int32(random.uniform(0.12, 0.3, 2) * size)
            centre = np.int32(random.uniform(0.3, 0.7, 2) * size)
            turn = random.uniform(0, 180)
            cv2.ellipse(mask, centre.tolist(), axes.tolist(), turn, 0, 360, 255, -1, cv2.LINE_AA)
        if random.random() < 0.25:
            centre = (int(random.uniform(0.3, 0.7) * size),) * 2
            radius = int(random.uniform(0.05, 0.12) * size)
            cv2.circle(mask, centre, radius, 0, -1, cv2.LINE_AA)
    return mask


def lit(random, picture, mask):
    """Light that falls from one side, edges in shade, and now and then a highlight."""
    size = len(mask)
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    angle = random.uniform(0, 2 * np.pi)
    light = 1 + random.uniform(0, 1.0) * (columns * np.cos(angle) + rows * np.sin(angle))
    if random.random() < 0.5:
        depth = cv2.distanceTransform((mask > 127).astype(np.uint8), cv2.DIST_L2, 3)
        depth /= depth.max() + 1e-3
        light *= 1 - random.uniform(0, 0.6) * (1 - depth) ** 2
        if random.random() < 0.25:
            row, column = random.uniform(-0.2, 0.2, 2)
            distance = (rows - row) ** 2 + (columns - column) ** 2
            light += 1.2 * np.exp(-distance / random.uniform(0.002, 0.02))
    return picture * light[..., None]


class Thing:
    """Something to be put into a scene: a square mask, 0 to 255, and its picture."""

    def __init__(self, mask, picture):
        self.mask, self.picture = mask, picture


def drawn_thing(random, size, photos, mask=None):
    mask = shape(random, size) if mask is None else mask
    picture = surface(random, size, size, photos)
    if random.random() < 0.4 and size > 24:
        for _ in range(int(random.integers(1, 5))):
            side = max(8, int(size * random.uniform(0.12, 0.6)))
            top, left = random.integers(0, size - side + 1, 2)
            inside = np.s_[top : top + side, left : left + side]
            share = shape(random, side).astype(np.float32)[..., None] / 255
            part = surface(random, side, side, photos)
            picture[inside] = picture[inside] * (1 - share) + part * share
    return Thing(mask, lit(random, picture, mask) if random.random() < 0.7 else picture)


def cut_thing(random, size, cuts):
    """One of the cut-outs, turned, mirrored, and in other colours."""
    cut = cuts[random.integers(len(cuts))]
    height, width = cut.shape[:2]
    scale = size / max(height, width) * random.uniform(0.85, 1.0)
    turn = random.normal(0, 12) if random.random() < 0.7 else random.uniform(-180, 180)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += (size / 2 - width / 2, size / 2 - height / 2)
    if random.random() < 0.5:
        cut = cut[:, ::-1]
    if scale < 0.5:
        cut = cv2.resize(cut, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= 2 * scale
    cut = cv2.warpAffine(np.ascontiguousarray(cut), matrix, (size, size), flags=cv2.INTER_LINEAR)
    mask, picture = cut[..., 3].copy(), cut[..., :3].astype(np.float32)
    tone = random.random()
    if tone < 0.25:
        # Quite another colour, as the same thing may have.
        grey = picture.mean(2, keepdims=True)
        picture = grey * (0.4 + colour(random) / 160)
    elif tone < 0.4:
        picture = np.roll(picture, int(random.integers(1, 3)), 2)
    if random.random() < 0.6:
        picture = picture * random.uniform(0.7, 1.25, 3) + random.uniform(-15, 15)
    if random.random() < 0.35:
        mean = picture.mean((0, 1))
        grain = 1 + 0.15 * noise(random, size, size, 4, 4)[..., None]
        picture = (mean + (picture - mean) * random.uniform(0.4, 0.9)) * grain
    picture = np.clip(picture, 0, 255).astype(np.float32)
    return Thing(mask, lit(random, picture, mask) if random.random() < 0.2 else picture)


def put(random, canvas, thing, top, left):
    """Paints a thing with its shadow; returns its mask in the canvas, or None outside of it."""
    height, width = canvas.shape[:2]
    size = len(thing.mask)
    y0, x0, y1, x1 = max(0, top), max(0, left), min(height, top + size), min(width, left + size)
    if y1 - y0 < 4 or x1 - x0 < 4:
        return None
    inside = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    share = thing.mask[inside].astype(np.float32) / 255
    full = np.zeros((height, width), np.float32)
    full[y0:y1, x0:x1] = share
    if random.random() < 0.6:
        away, angle = random.uniform(0.02, 0.15) * size, random.uniform(0, 2 * np.pi)
        shift = np.float32([[1, 0, away * np.cos(angle)], [0, 1, away * np.sin(angle)]])
        shadow = cv2.warpAffine(full, shift, (width, height))
        kernel = int(random.uniform(0.02, 0.2) * size) * 2 + 1
        shadow = cv2.blur(cv2.blur(shadow, (kernel, kernel)), (kernel, kernel))
        canvas *= (1 - shadow * random.uniform(0.1, 0.6))[..., None]
    region = canvas[y0:y1, x0:x1]
    region += (thing.picture[inside] - region) * share[..., None]
    return full > 0.5


def visible(mask):
    """The part that is left of an object, or None where that is none."""
    area = int(mask.sum())
    if not LEAST_PIXELS <= area <= LARGEST_SHARE * mask.size:
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if count > 2:
        largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
        if stats[largest, cv2.CC_STAT_AREA] < max(DOMINANT_SHARE * area, LEAST_PIXELS):
            return None
        mask = labels == largest
    return mask


def photographed(random, picture):
    """What a camera does: uneven light, blur, exposure, noise, compression."""
    size = picture.shape[:2]
    if random.random() < 0.6:
        picture = picture * (1 + random.uniform(0, 0.25) * noise(random, *size, 1, 2)[..., None])
    picture = np.clip(picture, 0, 255)
    if random.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (0, 0), random.uniform(0.3, 1.4))
    picture = 255 * (picture / 255) ** np.exp(random.normal(0, 0.25))
    picture = picture * random.uniform(0.6, 1.1) + random.uniform(0, 25)
    if random.random() < 0.7:
        grain = random.standard_normal(picture.shape, dtype=np.float32)
        picture = picture + grain * random.uniform(0, 10)
    picture = np.uint8(np.clip(picture, 0, 255))
    if random.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(35, 95))]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_COLOR)
    return picture


def scattered(random, size):
    """Places of things of all sizes: (size, top, left)."""
    count = int(np.exp(random.uniform(np.log(1.0), np.log(15))))
    for i in range(count):
        # A few scenes are about one large thing.
        least = 0.4 if count <= 2 and i == 0 else 0.08
        largest = 0.95 if count <= 3 else 0.7
        side = int(size * np.exp(random.uniform(np.log(least), np.log(largest))))
        yield side, *(int(random.uniform(-0.25 * side, size - 0.75 * side)) for _ in range(2))


def arranged(random, size):
    """Many things of about one size, in loose rows."""
    rows = int(random.integers(2, 8))
    pitch = size / rows
    fill = random.uniform(0.5, 0.98)
    for row in range(rows):
        for column in range(rows):
            if random.random() < 0.15:
                continue
            side = max(14, int(pitch * fill * random.uniform(0.8, 1.05)))
            middle = (np.array([row, column]) + 0.5 + random.normal(0, 0.06, 2)) * pitch
            yield side, *np.int32(middle - side / 2).tolist()


def scene(random, size, photos, scenery, cuts):
    """A picture and its objects' masks."""
    if scenery and random.random() < 0.4:
        canvas = backdrop(random, size, scenery)
    else:
        canvas = surface(random, size, size, photos)
        if random.random() < 0.4:
            # A table's or a floor's edge: no object.
            columns = np.arange(size) - size / 2
            line = random.uniform(0.25, 0.8) * size + random.uniform(-0.15, 0.15) * columns
            share = np.clip(np.arange(size)[:, None] - line + 0.5, 0, 1).astype(np.float32)
            canvas += (surface(random, size, size, photos) - canvas) * share[..., None]
    is_arranged = random.random() < 0.2
    all_cut = random.choice([0.0, 0.6, 1.0], p=[0.3, 0.45, 0.25]) if cuts else 0.0
    template, alike, masks = None, random.random() < (0.6 if is_arranged else 0.15), []
    kind = random.integers(len(cuts)) if alike and cuts else None
    for side, top, left in (arranged if is_arranged else scattered)(random, size):
        if random.random() < all_cut:
            chosen = cuts if kind is None else cuts[kind : kind + 1]
            thing = cut_thing(random, side, chosen)
        else:
            if template is None or not alike:
                template = shape(random, max(side, 48) if alike else side)
            mask = cv2.resize(template, (side, side), interpolation=cv2.INTER_AREA)
            thing = drawn_thing(random, side, photos, mask)
        on = put(random, canvas, thing, top, left)
        if on is not None:
            masks = [mask & ~on for mask in masks]
            masks.append(on)
    seen = [visible(mask) for mask in masks]
    return photographed(random, canvas), [mask for mask in seen if mask is not None]
