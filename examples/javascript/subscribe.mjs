#!/usr/bin/env node
// Shows what fastsamd sees, frame by frame: every mask is decoded and its pixels are counted.
//
//     npm install mqtt
//     node subscribe.mjs [mqtt://HOST:PORT] [FRAMES]

import mqtt from "mqtt";

/// COCO's compressed run lengths as one byte a pixel, row by row. Runs go down columns, background first.
export function decode({ size: [height, width], counts }) {
  const mask = new Uint8Array(width * height), runs = [];
  for (let at = 0; at < counts.length; ) {
    let number = 0, shift = 0, byte = 32;
    for (; byte & 32; shift += 5) number |= ((byte = counts.charCodeAt(at++) - 48) & 31) << shift;
    if (byte & 16) number |= -1 << shift; // The sign.
    runs.push(runs.length > 2 ? number + runs.at(-2) : number);
  }
  let pixel = 0;
  runs.forEach((run, i) => { for (const end = pixel + run; pixel < end; pixel++) mask[(pixel % height) * width + Math.floor(pixel / height)] = i % 2; });
  return mask;
}

const most = Number(process.argv[3] ?? Infinity);
let frames = 0;
const client = mqtt.connect(process.argv[2] ?? "mqtt://127.0.0.1:1883");
// mqtt.js connects and subscribes again by itself.
client.subscribe("fastsam/+/+/masks");
client.on("error", (error) => { console.error(error.message); process.exit(1); });
client.on("message", (topic, payload) => {
  const { camera, frame, segments } = JSON.parse(payload);
  const found = segments.map((segment) => {
    const pixels = decode(segment.segmentation).reduce((sum, pixel) => sum + pixel, 0);
    if (pixels !== segment.area) throw new Error("the decoder is wrong");
    return `#${segment.id} ${pixels} px`;
  });
  console.log(`${camera} ${frame.sequence}: ${found.join("; ")}`);
  if (++frames === most) client.end(true, () => process.exit(0));
});
