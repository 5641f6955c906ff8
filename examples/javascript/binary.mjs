#!/usr/bin/env node
// The same as subscribe.mjs with the binary form of the messages (`publish.binary: true`), which docs/mqtt.md describes.
//
//     npm install mqtt
//     node binary.mjs [mqtt://HOST:PORT] [FRAMES]

import { inflateSync } from "node:zlib";
import mqtt from "mqtt";

const NAMES = ["id", "score", "class", "x", "y", "width", "height", "area"];

/// The header, and the segments with their masks as one byte a pixel, row by row.
export function decode(bytes) {
  if (bytes.toString("latin1", 0, 4) !== "fsm1") throw new Error("not this form, or another version of it");
  let at = 8 + bytes.readUInt32LE(4);
  const header = JSON.parse(bytes.toString("utf8", 8, at));
  const [height, width] = header.size, segments = new Array(bytes.readUInt32LE(at));
  const list = inflateSync(bytes.subarray(at + 8));
  at = 0;
  // Ids need more than the 32 bits of JavaScript's shifts.
  const varint = () => { for (let value = 0, unit = 1; ; unit *= 128) { value += (list[at] & 127) * unit; if (list[at++] < 128) return value; } };
  const signed = (number) => (number >> 1) ^ -(number & 1);
  for (let i = 0; i < segments.length; i++) {
    const segment = Object.fromEntries(NAMES.map((name) => [name, varint()]));
    segment.mask = new Uint8Array(width * height);
    for (let y = segment.y, start = segment.x, length = 0; y < segment.y + segment.height; y++) {
      for (let more = 1; more; ) {
        const number = varint();
        more = number & 1;
        start += signed(number >> 1);
        length += signed(varint());
        segment.mask.fill(1, y * width + start, y * width + start + length);
      }
    }
    segments[i] = segment;
  }
  return { ...header, segments };
}

const most = Number(process.argv[3] ?? Infinity);
let frames = 0;
const client = mqtt.connect(process.argv[2] ?? "mqtt://127.0.0.1:1883");
client.subscribe("fastsam/+/+/masks/binary");
client.on("error", (error) => { console.error(error.message); process.exit(1); });
client.on("message", (topic, payload) => {
  const { camera, frame, segments } = decode(payload);
  for (const { mask, area } of segments) if (mask.reduce((sum, pixel) => sum + pixel, 0) !== area) throw new Error("the decoder is wrong");
  console.log(`${camera} ${frame.sequence}: ${segments.map(({ id }) => `#${id}`).join(" ")}`);
  if (++frames === most) client.end(true, () => process.exit(0));
});
