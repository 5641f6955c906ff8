#!/usr/bin/env node
// Puts the page's server under load and tries to get in where nobody should.
//
//   scripts/check-web.mjs [--binary FASTSAMD] [--seconds N]
//
// Starts mosquitto and a daemon with a synthetic camera of 1280x720 at 30 frames a second with 20 objects, the mock and a
// token. Measured for N seconds each (default 10): the pipeline's rate with nobody looking; how long the page in a real
// Chromium takes for a frame, and how old what it draws is; the rate, the memory and a viewer's age with 20 viewers of
// whom five read one byte a second. Then requests that are to be refused: from other sites, for other hosts, without the
// token, with paths that lead elsewhere, bodies of 1 GB, slow heads and bodies, and 5000 connections at once.
// Everything stays on 127.0.0.1. On a busy machine compare within a run, not between runs.
//
// Needs what scripts/check-page.mjs needs. Exit code: 0 all of it holds, 1 something does not, 2 something is missing.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const CACHE = join(ROOT, ".cache", "check-page");
const TOKEN = "let-me-in";
const PATIENCE_MS = 30000;

function option(name, usual) {
  const place = process.argv.indexOf(`--${name}`);
  return place < 0 ? usual : process.argv[place + 1];
}

const binary = resolve(option("binary", join(ROOT, "target/release/fastsamd")));
const span = 1000 * Number(option("seconds", "10"));
if (!existsSync(binary)) {
  console.error(`check-web: ${binary} is missing: cargo build --release, or name another with --binary`);
  process.exit(2);
}
mkdirSync(CACHE, { recursive: true });
if (!existsSync(join(CACHE, "node_modules"))) {
  execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "--prefix", CACHE, "puppeteer-core@24"], { stdio: "inherit" });
}
const require = createRequire(join(CACHE, "package.json"));
const puppeteer = require("puppeteer-core");
// It comes with puppeteer-core.
const { WebSocket } = require("ws");

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const free = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => { const { port } = server.address(); server.close(() => done(port)); });
});
const median = (numbers, share = 0.5) => [...numbers].sort((a, b) => a - b)[Math.floor(share * (numbers.length - 1))];

function start(command, args) {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  child.said = "";
  child.stderr.on("data", (data) => { child.said += data; });
  child.on("error", (error) => { console.error(`check-web: ${command}: ${error.message}`); process.exit(2); });
  process.on("exit", () => child.kill("SIGKILL"));
  return child;
}

const folder = mkdtempSync(join(tmpdir(), "check-web-"));
const [mqttPort, port] = [await free(), await free()];
writeFileSync(join(folder, "mosquitto.conf"), `listener ${mqttPort} 127.0.0.1\nallow_anonymous true\n`);
writeFileSync(join(folder, "config.yaml"), `node: check
mqtt: {port: ${mqttPort}}
state_directory: ${folder}
accelerator: {backend: {mock: {fps: 60, fps_batch_8: 60}}}
cameras: [{name: cam, source: {synthetic: {width: 1280, height: 720, fps: 30, objects: 20}}}]
web: {listen: "127.0.0.1:${port}", token: ${TOKEN}}
`);
start("mosquitto", ["-c", join(folder, "mosquitto.conf")]);
const daemon = start(binary, ["run", "--config", join(folder, "config.yaml")]);
daemon.on("exit", () => { console.error(`check-web: the daemon ended:\n${daemon.said}`); process.exit(1); });

const address = `http://127.0.0.1:${port}`;
const known = { authorization: `Bearer ${TOKEN}` };
const get = async (path) => (await fetch(address + path, { headers: known })).text();
for (let turn = 0; ; turn += 1) {
  try { if (/frames flow/.test(await get("/readyz"))) break; } catch { /* It is not there yet. */ }
  if (turn > 100) throw new Error(`no frames flow:\n${daemon.said}`);
  await pause(100);
}

const published = async () => Number((await get("/metrics")).match(/stage_seconds_count\{camera="cam",stage="total"\} (\d+)/)[1]);
const memory = async () => JSON.parse(await get("/api/v1/status")).rss_bytes / 2 ** 20;
async function rate(ms = span) {
  const [first, started] = [await published(), performance.now()];
  await pause(ms);
  return (1000 * (await published() - first)) / (performance.now() - started);
}

const results = [];
function judge(name, holds, note) {
  results.push(holds);
  console.log(`${holds ? "ok      " : "FAILED  "}${name}: ${note}`);
}

/** A viewer that asks for the next frame when it has one; with the ages of what it got. */
function viewer() {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws/cam?token=${TOKEN}`);
  socket.binaryType = "arraybuffer";
  const seen = { ages: [], bytes: 0, close: () => socket.close() };
  socket.onopen = () => socket.send("next");
  socket.onmessage = ({ data }) => {
    const length = new DataView(data).getUint32(0, true);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
    seen.ages.push(Date.now() - header.captured_ms);
    seen.bytes += data.byteLength;
    socket.send("next");
  };
  return seen;
}

/** A viewer of a stream that reads one byte a second. */
function sloth() {
  const socket = connect({ port, host: "127.0.0.1", highWaterMark: 1 });
  socket.on("error", () => {});
  socket.pause();
  socket.write(`GET /stream/cam HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  const timer = setInterval(() => socket.read(1), 1000);
  return { close: () => { clearInterval(timer); socket.destroy(); } };
}

/** Sends bytes, and more of them every so often; what comes back until the end. */
const raw = (text, { more = null, everyMs = 0, patienceMs = 5000 } = {}) => new Promise((done) => {
  const started = performance.now();
  const socket = connect({ port, host: "127.0.0.1" });
  let [answer, sent, timer] = ["", 0, null];
  const end = () => { clearInterval(timer); clearTimeout(limit); socket.destroy(); done({ answer, sent, ms: performance.now() - started }); };
  const limit = setTimeout(end, patienceMs);
  socket.on("data", (data) => { answer += data.toString("latin1"); });
  socket.on("error", () => {});
  socket.on("close", end);
  socket.write(text);
  if (more) {
    if (everyMs) timer = setInterval(() => { sent += more.length; socket.write(more); }, everyMs);
    else {
      const pump = () => { while (!socket.destroyed && sent < 2 ** 30 && socket.write(more)) sent += more.length; };
      socket.on("drain", pump);
      pump();
    }
  }
});
const code = ({ answer }) => Number(answer.match(/^HTTP\/1\.1 (\d+)/)?.[1] ?? 0);

// Nobody looks, then one browser, then twenty viewers.
const alone = await rate();
const atFirst = await memory();
console.log(`        nobody looks: ${alone.toFixed(1)} frames a second, ${atFirst.toFixed(0)} MiB`);

const browser = await puppeteer.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage();
await page.setViewport({ width: 1360, height: 900 });
await page.goto(`${address}/?token=${TOKEN}`);
await page.waitForFunction(() => document.querySelector("canvas[data-camera]")?.dataset.age, { timeout: PATIENCE_MS });
const drawn = page.evaluate((ms) => new Promise((done) => {
  const { dataset } = document.querySelector("canvas[data-camera]");
  const [seen, end] = [[], performance.now() + ms];
  let last = null;
  const look = () => {
    if (dataset.sequence !== last) seen.push([Number(dataset.age), Number(dataset.took)]);
    last = dataset.sequence;
    if (performance.now() < end) setTimeout(look, 2);
    else done(seen);
  };
  look();
}), span);
const [watched, seen] = await Promise.all([rate(), drawn]);
const [ages, times] = [0, 1].map((column) => seen.map((row) => row[column]));
judge("a page's rate", watched > 0.95 * alone, `${watched.toFixed(1)} frames a second in the pipeline with it, ${(1000 * seen.length / span).toFixed(1)} drawn; `
  + `a frame takes the page ${median(times)} ms (95 %: ${median(times, 0.95)} ms)`);
judge("the age of what is drawn", median(ages) <= 60, `median ${median(ages)} ms, 95 %: ${median(ages, 0.95)} ms`);
await browser.close();

const one = viewer();
await pause(span);
const quick = one.ages.slice(10);
const others = Array.from({ length: 14 }, viewer);
const sloths = Array.from({ length: 5 }, sloth);
await pause(2000);
const early = await memory();
one.ages.length = 0;
const crowded = await rate(2 * span);
const late = await memory();
judge("20 viewers, five of whom read a byte a second: the rate", crowded > 0.95 * alone, `${crowded.toFixed(1)} beside ${alone.toFixed(1)} frames a second`);
judge("... the memory", late - early < 16, `${early.toFixed(0)} MiB, then ${late.toFixed(0)} MiB`);
judge("... the age of another viewer's frames", median(one.ages) < 2 * median(quick) + 20, `median ${median(one.ages)} ms, alone ${median(quick)} ms`);
for (const guest of [one, ...others, ...sloths]) guest.close();

// What is to be refused.
const head = (method, path, more = "", host = `127.0.0.1:${port}`) => `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;
const bearer = `Authorization: Bearer ${TOKEN}\r\n`;
for (const [name, text, expected] of [
  ["another site's page", head("POST", "/api/v1/zones", `${bearer}Origin: http://evil.example\r\nContent-Length: 2\r\n`) + "{}", 403],
  ["a WebSocket from another site's page", head("GET", "/ws/cam", `${bearer}Origin: http://evil.example\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n`), 403],
  ["DNS rebinding", head("GET", "/api/v1/info", bearer, `evil.example:${port}`), 421],
  ["no token", head("GET", "/"), 401],
  ["a wrong token", head("GET", "/", "Authorization: Bearer let-me-on\r\n"), 401],
  ["a wrong token in the address", head("GET", "/?token=x"), 401],
  ["../", head("GET", "/../../etc/passwd", bearer), 404],
  ["%2e%2e/", head("GET", "/%2e%2e/%2e%2e/etc/passwd", bearer), 404],
  ["//", head("GET", "//etc/passwd", bearer), 404],
  ["a zero byte", head("GET", "/page.js%00.png", bearer), 404],
  ["a camera that is a path", head("GET", "/snapshot/..%2f..%2fetc%2fpasswd", bearer), 404],
  ["a body that says it has 1 GB", head("POST", "/api/v1/segment", `${bearer}Content-Length: 1000000000\r\n`), 413],
  ["the same as a prompt", head("POST", "/api/v1/prompt", `${bearer}Content-Length: 1000000000\r\n`), 413],
  ["a head of 100 kB", head("GET", "/", `X: ${"x".repeat(100000)}\r\n`), 431],
  ["noise", "\x16\x03\x01 hello\r\n\r\n", 400],
]) {
  const told = await raw(text);
  judge(name, code(told) === expected, `${code(told)}, in ${told.ms.toFixed(0)} ms`);
}
const chunk = `10000\r\n${"x".repeat(65536)}\r\n`;
const flood = await raw(head("POST", "/api/v1/segment", `${bearer}Transfer-Encoding: chunked\r\n`), { more: chunk, patienceMs: 30000 });
judge("a body of 1 GB that does not say so", [0, 413].includes(code(flood)) && flood.sent < 2 ** 28, `${code(flood) || "cut off"} after ${(flood.sent / 2 ** 20).toFixed(0)} MiB`);
const [slowHead, slowBody] = await Promise.all([
  raw("GET / HTTP/1.1\r\n", { more: "X: y\r\n", everyMs: 1000, patienceMs: 40000 }),
  raw(head("POST", "/api/v1/prompt", `${bearer}Content-Length: 100000\r\n`), { more: "x", everyMs: 1000, patienceMs: 40000 }),
]);
judge("a slow head", slowHead.ms < 15000, `cut off after ${(slowHead.ms / 1000).toFixed(0)} s`);
judge("a slow body", code(slowBody) === 408 && slowBody.ms < 25000, `${code(slowBody)} after ${(slowBody.ms / 1000).toFixed(0)} s`);

const before = await memory();
let [open, refused, failed] = [0, 0, 0];
const crowd = Array.from({ length: 5000 }, () => {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.once("connect", () => { open += 1; });
  socket.on("data", (data) => { if (/^HTTP\/1\.1 503/.test(data)) refused += 1; });
  socket.on("error", () => { failed += 1; });
  return socket;
});
const besieged = await (async () => {
  const lines = [];
  const summary = start("mosquitto_sub", ["-p", `${mqttPort}`, "-t", "fastsam/check/cam/summary", "-C", "6"]);
  summary.on("exit", () => lines.push("end"));
  for (let turn = 0; !lines.length && turn < 200; turn += 1) await pause(100);
  return lines.length > 0;
})();
judge("5000 connections", refused > 3000 && besieged, `${open} opened, ${refused} told 503, ${failed} failed; summaries still come: ${besieged}`);
for (const socket of crowd) socket.destroy();
let back = 0;
for (; back < 100; back += 1) {
  try { if (/ok/.test(await get("/healthz"))) break; } catch { /* Not yet. */ }
  await pause(100);
}
judge("the page afterwards", back < 100, `answers ${back / 10} s after they left; ${before.toFixed(0)} MiB, then ${(await memory()).toFixed(0)} MiB`);

daemon.removeAllListeners("exit");
daemon.kill("SIGTERM");
process.exit(results.every(Boolean) ? 0 : 1);
