// The live page: a section for each camera, and how the node is.

import { Camera } from "/camera.js";
import { say, watch } from "/state.js";

const NAMES = {
  mock: "mock: regions of similar colour, not FastSAM",
  replay: "a recording's answers",
  "onnx built-in": "the built-in network: a demonstration, not FastSAM",
};

async function start() {
  try {
    const [names, info] = await Promise.all(["cameras", "info"].map(async (what) => (await fetch(`/api/v1/${what}`)).json()));
    document.title = `${info.node} · fastsamd`;
    document.querySelector("h1").textContent = info.node;
    const backend = document.querySelector("#backend");
    backend.textContent = NAMES[info.backend] ?? NAMES[`${info.backend} ${info.network}`] ?? `${info.backend}: ${info.network}`;
    backend.hidden = false;
    for (const name of names) new Camera(name);
    watch();
  } catch {
    say("fastsamd does not answer; trying again");
    setTimeout(start, 2000);
  }
}

start();
