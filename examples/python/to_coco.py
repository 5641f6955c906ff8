#!/usr/bin/env python3
"""Turns `masks` messages with run lengths, one a line, into a COCO annotation file.

    mosquitto_sub -h BROKER -t 'fastsam/+/+/masks' -C 100 | python3 to_coco.py annotations.json

Pictures are named NODE_CAMERA_SEQUENCE.jpg; a message holds no picture.
"""

import json
import sys

images, annotations, names = [], [], {0: "object"}
for line in sys.stdin:
    masks = json.loads(line)
    if masks["mask_format"] != "rle":
        sys.exit(f"masks as {masks['mask_format']}: expected publish.mask_format rle")
    frame = masks["frame"]
    images.append({
        "id": len(images) + 1,
        "file_name": f"{masks['node']}_{masks['camera']}_{frame['sequence']:08}.jpg",
        "width": frame["width"],
        "height": frame["height"],
        "date_captured": frame["captured_at"],
    })
    for segment in masks["segments"]:
        kind = segment.get("class", 0)
        names[kind] = segment.get("name", names.get(kind, f"class {kind}"))
        annotations.append({
            "id": len(annotations) + 1,
            "image_id": len(images),
            "category_id": kind + 1,  # COCO's begin at 1.
            "iscrowd": 0,
            "bbox": segment["bbox"],
            "area": segment["area"],
            "segmentation": segment["segmentation"],
            "score": segment["score"],
            "track_id": segment["id"],
        })
categories = [{"id": kind + 1, "name": name, "supercategory": ""} for kind, name in sorted(names.items())]
with open(sys.argv[1], "w") as file:
    json.dump({"info": {}, "licenses": [], "images": images, "annotations": annotations, "categories": categories}, file)
print(f"{len(images)} images, {len(annotations)} annotations")
