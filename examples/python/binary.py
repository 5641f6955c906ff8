#!/usr/bin/env python3
"""The same as subscribe.py with the binary form of the messages (`publish.binary: true`), which docs/mqtt.md describes.
Run it: pip install paho-mqtt numpy; python3 binary.py [HOST[:PORT]] [FRAMES]"""

import json
import struct
import sys
import zlib

import numpy as np
import paho.mqtt.client as mqtt


def varints(data):
    """The numbers of seven bits a byte, one after the other."""
    value = shift = 0
    for byte in data:
        value, shift = value | (byte & 127) << shift, shift + 7
        if byte < 128:
            yield value
            value = shift = 0


def decode(message):
    """The header, and of each segment its numbers and mask."""
    assert message[:4] == b"fsm1", "not this form, or another version of it"
    end = 8 + struct.unpack_from("<I", message, 4)[0]
    header, (count, _) = json.loads(message[8:end]), struct.unpack_from("<II", message, end)
    numbers, signed, segments = varints(zlib.decompress(message[end + 8:])), lambda n: n >> 1 ^ -(n & 1), []
    for _ in range(count):
        segment = dict(zip(("id", "score", "class", "x", "y", "width", "height", "area"), numbers))
        mask, start, length = np.zeros(header["size"], bool), segment["x"], 0
        for y in range(segment["y"], segment["y"] + segment["height"]):
            more = True
            while more:
                number = next(numbers)
                more, start, length = number & 1, start + signed(number >> 1), length + signed(next(numbers))
                mask[y, start:start + length] = True
        segments.append((segment, mask))
    return header, segments


def show(client, frames, message):
    header, segments = decode(message.payload)
    assert all(mask.sum() == segment["area"] for segment, mask in segments), "the decoder is wrong"
    print(header["camera"], header["frame"]["sequence"], [f"#{segment['id']}" for segment, _ in segments], flush=True)
    frames.append(header["frame"]["sequence"])
    if len(frames) == most:
        client.disconnect()


broker, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1").partition(":")
most = int(sys.argv[2]) if len(sys.argv) > 2 else None
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, userdata=[])
client.on_connect = lambda client, *_: client.subscribe("fastsam/+/+/masks/binary")
client.on_message = show
client.connect(broker, int(port or 1883))
client.loop_forever()
