#!/usr/bin/env python3
"""Turns `masks` messages with run lengths, one a line, into Roboflow supervision's Detections, and draws the last.

    pip install supervision pycocotools
    mosquitto_sub -h BROKER -t 'fastsam/NODE/CAMERA/masks' -C 10 | python3 to_supervision.py drawn.png
"""

import json
import sys

import cv2
import numpy as np
import pycocotools.mask
import supervision as sv


def detections(masks):
    """A message's segments; the ids of objects become tracker ids."""
    segments = masks["segments"]
    if not segments:
        return sv.Detections.empty()
    boxes = np.array([segment["bbox"] for segment in segments], float)
    decoded = pycocotools.mask.decode([segment["segmentation"] for segment in segments])
    return sv.Detections(
        xyxy=np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]]),
        mask=decoded.transpose(2, 0, 1).astype(bool),
        confidence=np.array([segment["score"] for segment in segments]),
        class_id=np.array([segment.get("class", 0) for segment in segments]),
        tracker_id=np.array([segment["id"] for segment in segments]),
    )


for line in sys.stdin:
    masks = json.loads(line)
    found = detections(masks)
    assert [int(mask.sum()) for mask in found.mask] == [segment["area"] for segment in masks["segments"]]
    print(masks["frame"]["sequence"], len(found), "detections")
picture = np.zeros((masks["frame"]["height"], masks["frame"]["width"], 3), np.uint8)
picture = sv.MaskAnnotator(color_lookup=sv.ColorLookup.INDEX).annotate(picture, found)
cv2.imwrite(sys.argv[1], picture)
