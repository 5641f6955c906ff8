#!/usr/bin/env python3
"""Turns one `masks` message with polygons (`publish.mask_format: polygon`) into a file for labelme.

    mosquitto_sub -h BROKER -t 'fastsam/NODE/CAMERA/masks' -C 1 | python3 to_labelme.py PICTURE.jpg

Writes PICTURE.json beside the picture. labelme's polygons have no holes: an outline is written, its holes are left out.
"""

import json
import pathlib
import sys


def area(ring):
    """Twice the area, by the shoelace formula: negative for an outline, which runs counter-clockwise where y goes down."""
    points = list(zip(ring[::2], ring[1::2]))
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]))


picture, masks = pathlib.Path(sys.argv[1]), json.load(sys.stdin)
if masks["mask_format"] != "polygon":
    sys.exit(f"masks as {masks['mask_format']}: expected publish.mask_format polygon")
shapes = [
    {
        "label": segment.get("name", "object"),
        "group_id": segment["id"],
        "shape_type": "polygon",
        "flags": {},
        "description": "",
        "points": [ring[i:i + 2] for i in range(0, len(ring), 2)],
    }
    for segment in masks["segments"]
    for ring in segment["segmentation"]
    if area(ring) < 0
]
document = {
    "version": "5.5.0",
    "flags": {},
    "shapes": shapes,
    "imagePath": picture.name,
    "imageData": None,
    "imageHeight": masks["frame"]["height"],
    "imageWidth": masks["frame"]["width"],
}
picture.with_suffix(".json").write_text(json.dumps(document))
print(f"{len(shapes)} outlines of {len(masks['segments'])} segments")
