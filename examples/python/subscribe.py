#!/usr/bin/env python3
"""Shows what fastsamd sees, frame by frame: every mask is decoded and its pixels are counted.

    pip install paho-mqtt numpy
    python3 subscribe.py [HOST[:PORT]] [FRAMES]
"""

import json
import sys

import numpy as np
import paho.mqtt.client as mqtt


def decode(size, counts):
    """COCO's compressed run lengths as an array of rows and columns. Runs go down columns, background first."""
    runs, at = [], 0
    while at < len(counts):
        number, shift, byte = 0, 0, 32
        while byte & 32:
            byte = ord(counts[at]) - 48
            number, shift, at = number | (byte & 31) << shift, shift + 5, at + 1
        number -= (byte >> 4 & 1) << shift  # The sign.
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size[1], size[0]).T


def show(client, frames, message):
    masks = json.loads(message.payload)
    print(masks["camera"], masks["frame"]["sequence"], end=":")
    for segment in masks["segments"]:
        mask = decode(**segment["segmentation"])
        rows, columns = np.nonzero(mask)
        assert len(rows) == segment["area"], "the decoder is wrong"
        print(f" #{segment['id']} {len(rows)} px in {columns.min()},{rows.min()}-{columns.max()},{rows.max()}", end=";")
    print(flush=True)
    frames.append(masks["frame"]["sequence"])
    if len(frames) == most:
        client.disconnect()


broker, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1").partition(":")
most = int(sys.argv[2]) if len(sys.argv) > 2 else None
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, userdata=[])
# On each connection anew: paho makes one again when it was lost.
client.on_connect = lambda client, *_: client.subscribe("fastsam/+/+/masks")
client.on_message = show
client.connect(broker, int(port or 1883))
client.loop_forever()
