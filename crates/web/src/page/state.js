// How the node is, and what to do about what is down: the doctor's words.

import { call } from "/api.js";

const EVERY_MS = 3000;
const state = document.querySelector("#state");
const list = document.querySelector("#checks");
const examined = document.querySelector("#examined");
let shown = "";

export function say(text) { if (state.textContent !== text) state.textContent = text; }

/** A line for each thing that was looked at. */
function lines(checks) {
  return checks.map(({ check, status, detail, fix }) => {
    const line = document.createElement("li");
    line.dataset.status = status;
    const name = document.createElement("b");
    name.textContent = check;
    const words = document.createElement("span");
    words.textContent = detail;
    line.append(name, " ", words);
    if (status !== "ok") line.append(Object.assign(document.createElement("p"), { textContent: fix ? `What to do: ${fix}` : "" }));
    return line;
  });
}

/** Asks again and again how the node is. */
export async function watch() {
  try {
    const answer = await fetch("/api/v1/health");
    if (!answer.ok) throw new Error(await answer.text());
    const { checks } = await answer.json();
    const down = checks.filter(({ status }) => status !== "ok");
    say(down.length ? down.map(({ check, detail }) => `${check}: ${detail}`).join("; ") : "all is well");
    state.dataset.status = ["failed", "warning"].find((status) => down.some((check) => check.status === status)) ?? "ok";
    if (shown !== JSON.stringify(checks)) { list.replaceChildren(...lines(checks)); shown = JSON.stringify(checks); }
  } catch {
    say("fastsamd does not answer: is it running? journalctl -u fastsamd says why it stopped");
    state.dataset.status = "failed";
  }
  setTimeout(watch, EVERY_MS);
}

document.querySelector("#examine").addEventListener("click", async ({ currentTarget: button }) => {
  button.disabled = true;
  examined.textContent = "examining; this takes some seconds";
  try {
    const { checks } = await call("doctor", {});
    examined.replaceChildren(...lines(checks));
  } catch (error) { examined.textContent = error.message; }
  button.disabled = false;
});
