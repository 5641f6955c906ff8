#!/usr/bin/env node
// Uses the live page as a person does, in a real Chromium, and looks at what comes of it over MQTT.
//
//   scripts/check-page.mjs [--binary FASTSAMD] [--pictures DIR]
//
// Starts mosquitto and `fastsamd demo` with the mock, then: points at objects, clicks ten, draws a box, writes a word, adds
// points of the background (Shift, right button, long press), keeps a prompt, draws a zone and a line whose events are seen
// on MQTT, moves a corner, changes settings here and over MQTT, does it all again with keys alone, chooses a picture,
// looks at a phone's width, in light and dark, takes the broker away and reads what to do, kills the daemon and waits
// for the page to come back. Any error in the browser's console fails. Screenshots go to DIR.
//
// Needs Debian's chromium, mosquitto and mosquitto-clients, and npm; puppeteer-core (Apache-2.0) is fetched into .cache/.
// Exit code: 0 all of it works, 1 something does not, 2 something is missing.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const CACHE = join(ROOT, ".cache", "check-page");
const PATIENCE_MS = 20000;

function option(name, usual) {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? usual : process.argv[place + 1];
}

const binary = resolve(option("binary", join(ROOT, "target/release/fastsamd")));
const pictures = resolve(option("pictures", join(CACHE, "pictures")));
if (!existsSync(binary)) {
  console.error(`check-page: ${binary} is missing: cargo build --release, or name another with --binary`);
  process.exit(2);
}
mkdirSync(pictures, { recursive: true });
if (!existsSync(join(CACHE, "node_modules"))) {
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefix", CACHE, "puppeteer-core@24"], { stdio: "inherit" });
}
const puppeteer = createRequire(join(CACHE, "package.json"))("puppeteer-core");

const free = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => done(port)); });
});

/** A program whose lines can be waited for. */
class Program {
  constructor(command, args, options = {}) {
    this.said = "";
    this.child = spawn(command, args, { ...options, env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
    this.child.on("error", (error) => { console.error(`check-page: ${command}: ${error.message}`); process.exit(2); });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (data) => { this.said += data; });
    process.on("exit", () => this.child.kill("SIGKILL"));
  }
  until(pattern) {
    return until(`${pattern}`, () => this.said.match(pattern));
  }
}

async function until(what, look) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

const folder = mkdtempSync(join(tmpdir(), "check-page-"));
const [mqttPort, webPort] = [await free(), await free()];
writeFileSync(join(folder, "mosquitto.conf"), `listener ${mqttPort} 127.0.0.1\nallow_anonymous true\n`);
let broker = new Program("mosquitto", ["-c", join(folder, "mosquitto.conf")]);
await broker.until(/running/);
const demo = () => new Program(binary, ["demo", "--backend", "mock", "--mqtt", `127.0.0.1:${mqttPort}`, "--http", `127.0.0.1:${webPort}`]);
let daemon = demo();
await daemon.until(/Look at/);
const listener = new Program("mosquitto_sub", ["-p", `${mqttPort}`, "-v", "-t", "fastsam/demo/#", "-T", "fastsam/demo/+/masks"]);

const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const errors = [];
/** While the daemon is away the browser says so itself. */
let isAway = false;
const results = [];
const page = await browser.newPage();
page.on("console", (message) => { if (["error", "warning", "warn"].includes(message.type()) && !isAway) errors.push(message.text()); });
page.on("pageerror", (error) => errors.push(error.message));

/** The next frame, as the page gets it: objects with a place that a click selects. */
const frame = () => page.evaluate(() => new Promise((done, failed) => {
  const name = document.querySelector("canvas[data-camera]").dataset.camera;
  const socket = new WebSocket(`ws://${location.host}/ws/${name}`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send("next");
  socket.onerror = () => failed(new Error("no frame"));
  socket.onmessage = ({ data }) => {
    socket.close();
    const length = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    const numbers = new Uint16Array(data.slice(4 + length + header.jpeg));
    const owner = new Map();
    let at = 0;
    const found = header.segments.map((segment) => {
      const runs = numbers.subarray(at, (at += 3 * segment.runs));
      return { ...segment, runs: Array.from(runs) };
    });
    // The smallest lies on top.
    for (const { id, runs } of [...found].sort((a, b) => b.area - a.area)) {
      for (let i = 0; i < runs.length; i += 3) for (let x = runs[i + 1]; x < runs[i + 2]; x += 1) owner.set(runs[i] * header.width + x, id);
    }
    const objects = found.map(({ id, bbox, runs }) => {
      let best = null;
      for (let i = 0; i < runs.length; i += 3) {
        const x = Math.floor((runs[i + 1] + runs[i + 2]) / 2);
        const width = runs[i + 2] - runs[i + 1];
        if (owner.get(runs[i] * header.width + x) === id && (!best || width > best.width)) best = { x, y: runs[i], width };
      }
      return best && { id, bbox, x: (best.x + 0.5) / header.width, y: (best.y + 0.5) / header.height, width: best.width };
    });
    done(objects.filter((one) => one && one.width > 8));
  };
}));

const canvas = () => page.$("canvas[data-camera]");
const selected = () => page.$eval("canvas[data-camera]", (one) => one.dataset.selected);
const told = () => page.$eval(".selected", (one) => one.textContent);
const at = async ({ x, y }) => {
  const box = await (await canvas()).boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
};
const press = async (selector) => (await page.$(selector)).click();

async function check(name, work) {
  try {
    const note = await work();
    results.push(true);
    console.log(`ok      ${name}${note ? `: ${note}` : ""}`);
  } catch (error) {
    results.push(false);
    console.log(`FAILED  ${name}: ${error.message}`);
    await page.screenshot({ path: join(pictures, `failed-${results.length}.png`) });
  }
}

const say = (topic, text) => execFileSync("mosquitto_pub", ["-p", `${mqttPort}`, "-q", "1", "-t", topic, "-m", text]);

await page.setViewport({ width: 1280, height: 900 });
await page.goto(`http://127.0.0.1:${webPort}/`);
await page.waitForFunction(() => document.querySelector("canvas[data-camera]")?.dataset.count > 0, { timeout: PATIENCE_MS });

await check("the mask under a click is highlighted, ten times", async () => {
  let clicks = 0;
  const seen = new Set();
  for (let round = 0; clicks < 10; round += 1) {
    if (round > 40) throw new Error(`${clicks} of 10 clicks`);
    const objects = await frame();
    const wanted = objects.find((one) => !seen.has(one.id)) ?? objects[round % objects.length];
    seen.add(wanted.id);
    await page.mouse.click(...await at(wanted));
    if (await selected() === `${wanted.id}`) clicks += 1;
  }
  return `${seen.size} objects`;
});
await check("the mask under the pointer is shown before the click", async () => {
  const hovered = () => page.$eval("canvas[data-camera]", (one) => one.dataset.hovered);
  for (let round = 0; ; round += 1) {
    const one = (await frame())[0];
    await page.mouse.move(...await at(one));
    try { await until("the object below the pointer", async () => await hovered() === `${one.id}`); break; } catch (error) { if (round > 2) throw error; }
  }
  await page.mouse.move(2, 2);
  await until("nothing below it", async () => await hovered() === "");
});
await check("a box selects what fills it", async () => {
  for (let round = 0; ; round += 1) {
    const one = (await frame()).sort((a, b) => b.width - a.width)[0];
    const size = await page.$eval("canvas[data-camera]", (element) => [element.width, element.height]);
    const [x, y, w, h] = one.bbox;
    const corner = (cx, cy) => at({ x: Math.min(0.999, Math.max(0.001, cx / size[0])), y: Math.min(0.999, Math.max(0.001, cy / size[1])) });
    await page.mouse.move(...await corner(x, y));
    await page.mouse.down();
    await page.mouse.move(...await corner(x + w / 2, y + h / 2), { steps: 3 });
    await page.mouse.move(...await corner(x + w, y + h), { steps: 3 });
    await page.mouse.up();
    try { await until("the box's object", async () => await selected() === `${one.id}`); return; } catch (error) { if (round > 2) throw error; }
  }
});
await check("a point of the background leaves an object out", async () => {
  const one = (await frame())[0];
  await page.mouse.click(...await at(one));
  await page.keyboard.down("Shift");
  await page.mouse.click(...await at(one));
  await page.keyboard.up("Shift");
  await until("another answer", async () => !(await selected()).split(" ").includes(`${one.id}`));
  await page.keyboard.down("Control");
  await page.keyboard.press("z");
  await page.keyboard.up("Control");
  await until("the object again", async () => (await selected()) !== "");
});
await check("so do the right button and, on a phone, a long press", async () => {
  for (const away of [
    async (place) => page.mouse.click(...place, { button: "right" }),
    async ([x, y]) => {
      const session = await page.createCDPSession();
      const touch = (type, touchPoints) => session.send("Input.dispatchTouchEvent", { type, touchPoints });
      await touch("touchStart", [{ x, y }]);
      await new Promise((done) => setTimeout(done, 700));
      await touch("touchEnd", []);
      await session.detach();
    },
  ]) {
    await page.focus("canvas[data-camera]");
    await page.keyboard.press("Escape");
    const one = (await frame())[0];
    const place = await at(one);
    await page.mouse.click(...place);
    await away(place);
    await until("another answer", async () => !(await selected()).split(" ").includes(`${one.id}`));
  }
  await page.keyboard.press("Escape");
});
await check("a word finds objects, and the prompt is kept", async () => {
  await page.focus("canvas[data-camera]");
  await page.keyboard.press("Escape");
  await until("nothing selected", async () => await selected() === "");
  await page.type(".text input", "red object");
  await page.keyboard.press("Enter");
  await until("an answer", async () => (await selected()) !== "" || /nothing found/.test(await told()));
  const note = await told();
  await press(".keep");
  await page.type("dialog input", "red");
  await page.keyboard.press("Enter");
  await until("the standing prompt in the list", () => page.$$eval(".standing li", (lines) => lines.some((line) => line.textContent.includes("red"))));
  await until("its answers on MQTT", () => listener.said.includes("/prompts/red"));
  return note;
});
await check("a zone that is drawn makes events", async () => {
  await press(".add-zone");
  for (const [x, y] of [[0.02, 0.02], [0.98, 0.02], [0.98, 0.98], [0.02, 0.98]]) await page.mouse.click(...await at({ x, y }));
  await page.keyboard.press("Enter");
  await page.type("dialog input", "yard");
  await page.keyboard.press("Enter");
  await until("the zone in the list", () => page.$$eval(".areas li", (lines) => lines.some((line) => line.textContent.includes("yard"))));
  const { data } = await page.evaluate(async () => (await fetch("/api/v1/zones")).json());
  if (data.zones[0].polygon.length !== 4) throw new Error(`a zone of ${data.zones[0].polygon.length} corners`);
  await until("an event", () => /"event":"entered"[^\n]*"zone":"yard"|"zone":"yard"[^\n]*"event":"entered"/.test(listener.said));
});
await check("a corner of the zone is moved, a line drawn, and both removed", async () => {
  const zone = () => page.evaluate(async () => (await (await fetch("/api/v1/zones")).json()).data.zones[0]);
  await page.mouse.move(...await at({ x: 0.02, y: 0.02 }));
  await page.mouse.down();
  await page.mouse.move(...await at({ x: 0.1, y: 0.12 }), { steps: 4 });
  await page.mouse.up();
  await until("the moved corner", async () => Math.hypot((await zone()).polygon[0][0] - 0.1, (await zone()).polygon[0][1] - 0.12) < 0.02);
  await press(".add-line");
  for (const [x, y] of [[0.5, 0.05], [0.5, 0.95]]) await page.mouse.click(...await at({ x, y }));
  await page.type("dialog input", "gate");
  await page.keyboard.press("Enter");
  await until("the line in the list", () => page.$$eval(".areas li", (lines) => lines.some((line) => line.textContent.includes("gate"))));
  await until("an object that crosses it, on MQTT", () => /"event":"crossed"/.test(listener.said));
  await until("and on the page", () => page.$("#events [data-event=crossed]"));
  await page.screenshot({ path: join(pictures, "page.png") });
  for (const name of ["line gate", "zone yard"]) {
    await page.click(`.areas button[aria-label="remove ${name}"]`);
    await until(`${name} gone`, async () => !await page.$(`.areas button[aria-label="remove ${name}"]`));
  }
});
await check("an object is chosen from the list", async () => {
  for (let round = 0; ; round += 1) {
    const id = await page.$eval(".objects button", (one) => { one.click(); return one.title.replace("object ", ""); });
    if (await selected() === id) return;
    if (round > 20) throw new Error(`${id} is not selected`);
  }
});
await check("a setting changed here is seen on MQTT, and the other way round", async () => {
  await press("#settings summary");
  const input = await page.waitForSelector("#settings [name=confidence]", { timeout: PATIENCE_MS });
  const set = await input.evaluate((element) => {
    element.value = "0.6";
    element.dispatchEvent(new Event("change", { bubbles: true }));
    return element.value;
  });
  await until("the state", () => listener.said.includes(`confidence/state ${set}`));
  say("fastsam/demo/confidence/set", "0.4");
  await until("the value on the page", () => input.evaluate((element) => element.dataset.value === "0.4"));
  const names = await page.$$eval("#settings [name]", (all) => all.map((one) => one.name));
  for (const name of ["confidence", "iou", "min_area", "cleanup", "mask_format"]) if (!names.includes(name)) throw new Error(`no control for ${name}: ${names}`);
});
await check("keys alone select an object and keep it as a prompt", async () => {
  await page.focus("canvas[data-camera]");
  await page.keyboard.press("Escape");
  await page.keyboard.press("ArrowRight");
  if (!await selected()) throw new Error("nothing is selected");
  await page.keyboard.press("Enter");
  await page.keyboard.type("mine");
  await page.keyboard.press("Enter");
  await until("the standing prompt", () => page.$$eval(".standing li", (lines) => lines.some((line) => line.textContent.includes("mine"))));
});
await check("keys alone draw a zone", async () => {
  await page.focus(".add-zone");
  await page.keyboard.press("Enter");
  for (const [key, times] of [["ArrowLeft", 1], ["ArrowUp", 1], ["ArrowRight", 3]]) {
    for (let i = 0; i < times; i += 1) { await page.keyboard.down("Shift"); await page.keyboard.press(key); await page.keyboard.up("Shift"); }
    await page.keyboard.press("Space");
  }
  await page.keyboard.press("Enter");
  await page.keyboard.type("keys");
  await page.keyboard.press("Enter");
  await until("the zone in the list", () => page.$$eval(".areas li", (lines) => lines.some((line) => line.textContent.includes("keys"))));
});
await check("everything has a name for screen readers", async () => {
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, select, canvas, a")].filter((one) => !(
    one.hidden || one.closest("[hidden]") || one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.[0]?.textContent.trim()
  )).map((one) => one.outerHTML));
  if (nameless.length) throw new Error(nameless.join(" "));
});
await check("a picture of one's own is segmented and shown", async () => {
  const photo = join(folder, "photo.jpg");
  writeFileSync(photo, Buffer.from(await page.evaluate(async () => [...new Uint8Array(await (await fetch(document.querySelector(".snapshot").href)).arrayBuffer())])));
  await (await page.$("#upload input")).uploadFile(photo);
  const shown = await until("its masks", () => page.$eval("#upload canvas", (one) => !one.hidden && Number(one.dataset.count)));
  const words = await page.$eval("#upload [role=status]", (one) => one.textContent);
  // The browser says so itself when an answer is no success.
  isAway = true;
  writeFileSync(photo, "no picture");
  await (await page.$("#upload input")).uploadFile(photo);
  await until("what is wrong with another one", async () => /expected a picture/.test(await page.$eval("#upload [role=status]", (one) => one.textContent)));
  isAway = false;
  return `${shown} masks; ${words}`;
});
await check("frames flow, young", async () => {
  const ages = [];
  let last = null;
  await until("100 frames", async () => {
    const { sequence, age } = await page.$eval("canvas[data-camera]", (one) => ({ ...one.dataset }));
    if (sequence !== last) ages.push(Number(age));
    last = sequence;
    return ages.length >= 100;
  });
  ages.sort((a, b) => a - b);
  return `${await page.$eval(".rate", (one) => one.textContent)}; age of what is drawn: median ${ages[50]} ms, worst of 100 ${ages[99]} ms`;
});
for (const [name, width, height, scheme] of [["desktop-light", 1280, 900, "light"], ["desktop-dark", 1280, 900, "dark"], ["phone-light", 360, 740, "light"], ["phone-dark", 360, 740, "dark"]]) {
  await check(`${name}: nothing is wider than the window`, async () => {
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    const sequence = await page.$eval("canvas[data-camera]", (one) => one.dataset.sequence);
    await until("another frame", async () => await page.$eval("canvas[data-camera]", (one) => one.dataset.sequence) !== sequence);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: width < 500 });
    if (wide > width) throw new Error(`${wide} columns in ${width}`);
  });
}
await page.setViewport({ width: 1280, height: 900 });
await check("without a broker the page says what to do", async () => {
  const words = () => page.$$eval("#checks li", (all) => all.map((one) => one.textContent).join("\n"));
  broker.child.kill("SIGKILL");
  await until("the broker's absence", async () => /broker.*What to do: check mqtt.host/s.test(await words()));
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(pictures, "broker-down.png") });
  broker = new Program("mosquitto", ["-c", join(folder, "mosquitto.conf")]);
  await until("its return", async () => /broker connected to/.test(await words()));
});
await check("the daemon is killed and comes back", async () => {
  isAway = true;
  daemon.child.kill("SIGKILL");
  await until("its absence on the page", async () => /no connection|does not answer/.test(await page.evaluate(() => document.body.textContent)));
  daemon = demo();
  await daemon.until(/Look at/);
  await until("its return", async () => /all is well/.test(await page.$eval("#state", (one) => one.textContent)));
  const sequence = await page.$eval("canvas[data-camera]", (one) => one.dataset.sequence);
  await until("another frame", async () => await page.$eval("canvas[data-camera]", (one) => one.dataset.sequence) !== sequence);
  isAway = false;
});
await check("no error in the console", async () => { if (errors.length) throw new Error(errors.join("; ")); });

await browser.close();
daemon.child.kill("SIGTERM");
process.exit(results.every(Boolean) ? 0 : 1);
