// A camera: its picture with its masks, and what is done there with pointer and keys.
//
// Frames come one by one, each when the one before is drawn, with their masks in the same message: 32 bits of header
// length, JSON, JPEG, runs of 16-bit numbers (row, first column, column behind the last).

import { Areas } from "/areas.js";
import { colour, css, short } from "/colour.js";
import { tell } from "/events.js";
import { Objects } from "/objects.js";
import { Prompts } from "/prompts.js";

/** Takes a message apart. */
function read(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const picture = 4 + length;
  header.jpeg = new Blob([new Uint8Array(buffer, picture, header.jpeg)], { type: "image/jpeg" });
  // Numbers of 16 bits begin at an even place only in a copy.
  const numbers = new Uint16Array(buffer.slice(picture + header.jpeg.size));
  let at = 0;
  for (const segment of header.segments) {
    segment.runs = numbers.subarray(at, at + 3 * segment.runs);
    at += segment.runs.length;
  }
  return header;
}

/** Whether a mask covers a pixel: its runs are sorted by row, then column. */
function covers(segment, x, y) {
  const { runs } = segment;
  let [low, high] = [0, runs.length / 3];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (runs[3 * middle] < y || (runs[3 * middle] === y && runs[3 * middle + 2] <= x)) low = middle + 1;
    else high = middle;
  }
  return low < runs.length / 3 && runs[3 * low] === y && runs[3 * low + 1] <= x;
}

export class Camera {
  constructor(name) {
    const section = document.querySelector("#camera").content.cloneNode(true).firstElementChild;
    const find = (selector) => section.querySelector(selector);
    this.name = name;
    this.canvas = find("canvas");
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.layer = document.createElement("canvas").getContext("2d");
    this.masks = find(".masks");
    this.labels = find(".labels");
    this.rate = find(".rate");
    this.told = find(".selected");
    this.frame = null;
    this.hovered = null;
    this.chosen = new Set();
    this.said = null;
    this.times = [];
    this.objects = new Objects(this, section);
    find("h2").textContent = name;
    find(".snapshot").href = `/snapshot/${encodeURIComponent(name)}.jpg`;
    this.canvas.dataset.camera = name;
    this.canvas.setAttribute("aria-label", `Live picture of ${name}. Arrow keys go from object to object.`);
    this.areas = new Areas(this, section);
    this.prompts = new Prompts(this, section);
    this.listen();
    document.querySelector("#cameras").append(section);
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/${encodeURIComponent(this.name)}`);
    socket.binaryType = "arraybuffer";
    const next = () => socket.readyState === WebSocket.OPEN && socket.send("next");
    socket.onopen = () => { this.pause = 250; next(); };
    socket.onmessage = async ({ data }) => {
      if (typeof data !== "string") {
        try { await this.take(read(data)); } catch (error) { console.warn("a frame could not be drawn", error); }
      }
      // A hidden page needs no frames.
      if (document.hidden) document.addEventListener("visibilitychange", next, { once: true });
      else next();
    };
    socket.onclose = () => {
      this.pause = Math.min(8000, 2 * (this.pause ?? 250));
      setTimeout(() => this.connect(), this.pause);
      this.rate.textContent = "no connection";
    };
  }

  async take(frame) {
    const started = performance.now();
    const picture = await createImageBitmap(frame.jpeg);
    this.picture?.close();
    [this.frame, this.picture] = [frame, picture];
    // Objects move below a pointer that does not.
    if (this.pointer) this.hovered = this.under(this.pointer);
    this.draw();
    for (const event of frame.events) tell(this.name, JSON.parse(event));
    const now = performance.now();
    this.times = [...this.times.filter((time) => now - time < 2000), now];
    const age = Math.max(0, Date.now() - frame.captured_ms);
    this.rate.textContent = `${(this.times.length / 2).toFixed(0)} fps · ${age} ms`;
    this.canvas.dataset.sequence = frame.sequence;
    this.canvas.dataset.age = age;
    this.canvas.dataset.took = (now - started).toFixed(1);
    this.objects.show(frame.segments);
    this.describe();
  }

  /** Draws at the next turn of the screen, however often that is asked for. */
  drawSoon() {
    this.drawing ??= requestAnimationFrame(() => { this.drawing = null; this.draw(); });
  }

  draw() {
    const { frame, canvas, context, layer } = this;
    if (!frame) return;
    const { width, height } = frame;
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      [layer.canvas.width, layer.canvas.height] = [width, height];
      this.image = layer.createImageData(width, height);
      canvas.style.aspectRatio = `${width} / ${height}`;
    }
    // Masks of the network's input reach over the picture.
    const [left, top, across, down] = frame.picture;
    if (across < width || down < height) { context.fillStyle = "#727272"; context.fillRect(0, 0, width, height); }
    context.drawImage(this.picture, left, top, across, down);
    const marked = (segment) => segment.id === this.hovered || this.chosen.has(segment.id);
    const shown = frame.segments.filter((segment) => this.masks.checked || marked(segment));
    if (shown.length) {
      const pixels = new Uint32Array(this.image.data.buffer);
      pixels.fill(0);
      // The largest first, so that small ones lie on top.
      for (const segment of [...shown].sort((a, b) => b.area - a.area)) {
        const [r, g, b] = colour(segment.id);
        const alpha = marked(segment) ? 190 : 100;
        const pixel = ((alpha << 24) | (b << 16) | (g << 8) | r) >>> 0;
        const { runs } = segment;
        for (let i = 0; i < runs.length; i += 3) {
          const row = runs[i] * width;
          pixels.fill(pixel, row + runs[i + 1], row + runs[i + 2]);
        }
      }
      layer.putImageData(this.image, 0, 0);
      context.drawImage(layer.canvas, 0, 0);
    }
    const size = Math.max(12, Math.round(height / 30));
    context.font = `${size}px system-ui, sans-serif`;
    for (const segment of frame.segments) {
      if (!marked(segment) && !this.labels.checked) continue;
      const [x, y, w, h] = segment.bbox;
      const paint = css(colour(segment.id));
      context.strokeStyle = paint;
      context.lineWidth = marked(segment) ? 3 : 1;
      context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
      const text = [short(segment.id), segment.name].filter((part) => part !== undefined).join(" ");
      const top = y > size + 6 ? y - size - 6 : y;
      context.fillStyle = "#000c";
      context.fillRect(x, top, context.measureText(text).width + 8, size + 6);
      context.fillStyle = "#fff";
      context.fillText(text, x + 4, top + size);
    }
    this.areas.draw(context, width, height);
    this.prompts.draw(context, width, height);
    canvas.dataset.selected = [...this.chosen].join(" ");
    canvas.dataset.hovered = this.hovered ?? "";
    canvas.dataset.count = frame.segments.length;
  }

  /** Where a pointer is, as shares of the picture. */
  share({ clientX, clientY }) {
    const bounds = this.canvas.getBoundingClientRect();
    const share = (number) => Math.min(1, Math.max(0, number));
    return { x: share((clientX - bounds.left) / bounds.width), y: share((clientY - bounds.top) / bounds.height) };
  }

  /** The object under a pointer: the smallest of those that cover its pixel. */
  under(event) {
    const { frame, canvas } = this;
    if (!frame) return null;
    const place = this.share(event);
    const x = Math.min(canvas.width - 1, Math.floor(place.x * canvas.width));
    const y = Math.min(canvas.height - 1, Math.floor(place.y * canvas.height));
    const hit = frame.segments.filter((segment) => covers(segment, x, y));
    hit.sort((a, b) => a.area - b.area);
    return hit[0]?.id ?? null;
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = event;
      this.hovered = this.under(event);
      this.drawSoon();
    });
    canvas.addEventListener("pointerleave", () => { this.pointer = this.hovered = null; this.drawSoon(); });
    canvas.addEventListener("keydown", (event) => {
      if (this.areas.key(event) || this.prompts.key(event)) return event.preventDefault();
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) {
        const ids = (this.frame?.segments ?? []).map((segment) => segment.id).sort((a, b) => a - b);
        const place = ids.indexOf([...this.chosen][0]);
        const start = place < 0 && step < 0 ? 0 : place;
        this.prompts.parts = [];
        if (ids.length) this.choose([ids[(start + step + ids.length) % ids.length]]);
      } else if (event.key.toLowerCase() === "m") { this.masks.checked = !this.masks.checked; this.draw(); }
      else return;
      event.preventDefault();
    });
    for (const box of [this.masks, this.labels]) box.addEventListener("change", () => this.draw());
  }

  /** Highlights these objects. */
  choose(ids) {
    this.chosen = new Set(ids);
    this.said = null;
    this.draw();
    this.describe();
  }

  /** Says something below the picture, until another object is chosen. */
  say(text) {
    this.said = text;
    this.describe();
  }

  /** A place within the mask of what is chosen: the middle of its longest run. */
  inside() {
    const segment = this.frame?.segments.find((one) => this.chosen.has(one.id));
    if (!segment) return null;
    const { runs } = segment;
    let best = 0;
    for (let i = 0; i < runs.length; i += 3) if (runs[i + 2] - runs[i + 1] > runs[best + 2] - runs[best + 1]) best = i;
    return [(runs[best + 1] + runs[best + 2]) / 2 / this.frame.width, (runs[best] + 0.5) / this.frame.height];
  }

  describe() {
    const ids = [...this.chosen];
    const segment = this.frame?.segments.find((one) => one.id === ids[0]);
    let text = "nothing selected";
    if (this.said !== null) text = this.said;
    else if (ids.length > 1) text = `${ids.length} objects: ${ids.join(", ")}`;
    else if (segment) {
      const [x, y, w, h] = segment.bbox;
      const speed = Math.hypot(...segment.velocity);
      const name = segment.name ? `, ${segment.name}` : "";
      text = `object ${segment.id}${name}: ${w} × ${h} at ${x}, ${y}, ${segment.area} pixels, score ${segment.score.toFixed(2)}, `
        + `seen for ${(segment.age_ms / 1000).toFixed(0)} s, ${speed < 5 ? "still" : `${speed.toFixed(0)} pixels a second`}`;
    } else if (ids.length) text = `object ${ids[0]} is not seen`;
    if (this.told.textContent !== text) this.told.textContent = text;
  }
}
