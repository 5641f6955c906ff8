// What may be set under way: the same settings as over MQTT, each with a control of its kind.

import { call, list } from "/api.js";

const AGAIN_MS = 2000;
const panel = document.querySelector("#settings");
const controls = new Map();

function say(text) { panel.querySelector(".told").textContent = text; }

async function set(name, value) {
  try {
    const { value: now, kept } = await call("settings", { action: "set", name, value });
    say(`${name} is ${now}${kept ? "" : "; not kept over a restart"}`);
  } catch (error) { say(error.message); }
  refresh();
}

/** The control of a setting, and how a value is shown on it. */
function make({ name, label, kind }) {
  const line = document.createElement("label");
  const input = document.createElement(kind.type === "choice" && !kind.also ? "select" : "input");
  const output = document.createElement("output");
  let show = (value) => { input.value = value; };
  if (kind.type === "switch") {
    input.type = "checkbox";
    input.addEventListener("change", () => set(name, input.checked ? "ON" : "OFF"));
    show = (value) => { input.checked = value === "ON"; };
  } else {
    if (kind.type === "number") {
      Object.assign(input, { type: "range", min: kind.min, max: kind.max, step: kind.step });
      input.addEventListener("input", () => { output.value = `${input.value} ${kind.unit ?? ""}`; });
      show = (value) => { input.value = value; output.value = `${value} ${kind.unit ?? ""}`; };
    } else if (kind.type === "choice" && !kind.also) {
      input.append(...kind.options.map((option) => new Option(option)));
    } else {
      input.type = "text";
      if (kind.max_length) input.maxLength = kind.max_length;
      input.placeholder = kind.options ? [...kind.options, kind.also].join(", ") : "";
    }
    input.addEventListener("change", () => set(name, input.value));
  }
  input.name = name;
  line.append(`${name.includes("/") ? `${name.split("/")[0]}: ` : ""}${label}`, input, output);
  panel.querySelector(".list").append(line);
  return { input, show };
}

/** Shows the values in force, but for what somebody is about to change. */
async function refresh() {
  try {
    for (const setting of (await list("settings")).settings) {
      if (!controls.has(setting.name)) controls.set(setting.name, make(setting));
      const { input, show } = controls.get(setting.name);
      if (document.activeElement !== input || input.type === "checkbox") show(setting.value);
      input.dataset.value = setting.value;
    }
  } catch (error) { say(error.message); }
}

async function watch() {
  if (!panel.open) return;
  await refresh();
  setTimeout(watch, AGAIN_MS);
}

panel.addEventListener("toggle", watch);
