// Zones and lines over the picture: drawn, moved by their corners, removed. Coordinates are shares of the picture.

import { askName, call, list, removable } from "/api.js";

/** How near a corner, in pixels of the screen, a pointer takes hold of it. */
const REACH = 12;
/** How far an arrow key moves the cursor; with Shift ten times as far. */
const STEP = 0.01;

const KINDS = { zone: { what: "zones", key: "polygon", least: 3 }, line: { what: "lines", key: "ends", least: 2 } };

export class Areas {
  constructor(camera, section) {
    this.camera = camera;
    this.all = [];
    this.drawing = null;
    this.held = null;
    this.listed = section.querySelector(".areas");
    for (const kind of Object.keys(KINDS)) {
      section.querySelector(`.add-${kind}`).addEventListener("click", () => this.begin(kind));
    }
    const { canvas } = camera;
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", () => this.release());
    canvas.addEventListener("dblclick", () => { if (this.drawing) this.finish(); });
    this.refresh();
  }

  async refresh() {
    try {
      const found = [];
      for (const [kind, { what, key }] of Object.entries(KINDS)) {
        for (const area of (await list(what, this.camera.name))[what]) found.push({ kind, area, corners: this.shares(area[key]) });
      }
      this.all = found;
      this.listed.replaceChildren(...found.map(({ kind, area }) => removable(`${kind} ${area.name}`, `${kind} ${area.name}`, async () => {
        try {
          await call(KINDS[kind].what, { action: "remove", name: area.name, camera: this.camera.name });
        } catch (error) { this.camera.say(error.message); }
        this.refresh();
      })));
      this.camera.draw();
    } catch (error) { this.camera.say(error.message); }
  }

  /** Corners as shares of the picture; in pixels where any of them is above 1. */
  shares(corners) {
    const arePixels = corners.flat().some((number) => number > 1);
    const { width, height } = this.camera.frame ?? { width: 1, height: 1 };
    return corners.map(([x, y]) => (arePixels ? [x / width, y / height] : [x, y]));
  }

  begin(kind) {
    this.drawing = { kind, corners: [], cursor: [0.5, 0.5] };
    this.camera.say(`${kind}: click its corners, then press Enter. With the keyboard: arrows, Space for a corner. Esc gives up.`);
    this.camera.canvas.focus();
    this.camera.draw();
  }

  /** Whether a press is for an area, and not for a prompt. */
  takes(event) {
    const { x, y } = this.camera.share(event);
    if (this.drawing) { this.corner(x, y); return true; }
    const { width, height } = this.camera.canvas.getBoundingClientRect();
    for (const one of this.all) {
      const place = one.corners.findIndex(([cx, cy]) => Math.hypot((cx - x) * width, (cy - y) * height) < REACH);
      if (place >= 0) { this.held = { one, place }; return true; }
    }
    return false;
  }

  corner(x, y) {
    const { drawing } = this;
    drawing.corners.push([x, y]);
    drawing.cursor = [x, y];
    if (drawing.kind === "line" && drawing.corners.length === 2) this.finish();
    this.camera.draw();
  }

  move(event) {
    const { x, y } = this.camera.share(event);
    const { held } = this;
    if (held) { held.one.corners[held.place] = [x, y]; held.moved = true; this.camera.drawSoon(); }
    if (this.drawing) { this.drawing.cursor = [x, y]; this.camera.drawSoon(); }
  }

  async release() {
    const { held } = this;
    this.held = null;
    if (held?.moved) await this.set(held.one.kind, held.one.area, held.one.corners);
  }

  key(event) {
    const { drawing } = this;
    if (!drawing) return false;
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (step) {
      const far = STEP * (event.shiftKey ? 10 : 1);
      drawing.cursor = drawing.cursor.map((number, i) => Math.min(1, Math.max(0, number + step[i] * far)));
    } else if (event.key === " ") this.corner(...drawing.cursor);
    else if (event.key === "Enter") this.finish();
    else if (event.key === "Escape") { this.drawing = null; this.camera.say("given up"); }
    else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") drawing.corners.pop();
    else return false;
    this.camera.draw();
    return true;
  }

  async finish() {
    const { kind, corners } = this.drawing;
    // A double click is two corners at one place.
    const distinct = corners.filter(([x, y], i) => i === 0 || Math.hypot(x - corners[i - 1][0], y - corners[i - 1][1]) > 0.003);
    if (distinct.length < KINDS[kind].least) return this.camera.say(`a ${kind} has at least ${KINDS[kind].least} corners`);
    this.drawing = null;
    const name = await askName(`Name of the ${kind}`);
    if (name) await this.set(kind, { name }, distinct);
  }

  async set(kind, area, corners) {
    const { what, key } = KINDS[kind];
    const rounded = corners.map((corner) => corner.map((number) => Math.round(number * 1e4) / 1e4));
    try {
      await call(what, { ...area, action: "set", camera: this.camera.name, [key]: rounded });
      this.camera.say(`${kind} ${area.name} is set`);
    } catch (error) { this.camera.say(error.message); }
    await this.refresh();
  }

  draw(context, width, height) {
    const drawn = this.drawing && { kind: this.drawing.kind, corners: [...this.drawing.corners, this.drawing.cursor], area: { name: "" } };
    for (const { kind, corners, area } of [...this.all, ...(drawn ? [drawn] : [])]) {
      context.beginPath();
      corners.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x * width, y * height));
      if (kind === "zone") context.closePath();
      context.lineJoin = "round";
      context.lineWidth = Math.max(4, width / 250);
      context.strokeStyle = "#0006";
      context.stroke();
      context.lineWidth /= 2;
      context.strokeStyle = kind === "zone" ? "#facc15" : "#38bdf8";
      context.stroke();
      context.fillStyle = context.strokeStyle;
      const radius = Math.max(3, width / 250);
      for (const [x, y] of corners) context.fillRect(x * width - radius, y * height - radius, 2 * radius, 2 * radius);
      const [x, y] = corners[0];
      context.fillText(area.name, x * width + 2 * radius, Math.max(height / 20, y * height - radius));
    }
  }
}
