// Prompts with the pointer: points, boxes and words, answered with the objects of the next frame.

import { askName, call, list, removable } from "/api.js";

/** How far a pointer moves, in pixels of the screen, before it draws a box; and how long a long press takes. */
const DRAG = 6;
const LONG_PRESS_MS = 500;

export class Prompts {
  constructor(camera, section) {
    this.camera = camera;
    this.parts = [];
    this.dragged = null;
    this.asked = 0;
    this.standing = section.querySelector(".standing");
    const form = section.querySelector(".text");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = form.querySelector("input").value.trim();
      if (text) this.put([{ text }]);
    });
    section.querySelector(".keep").addEventListener("click", () => this.keep());
    this.listen(camera.canvas);
    this.refresh();
  }

  listen(canvas) {
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      if (this.camera.areas.takes(event)) return;
      canvas.setPointerCapture(event.pointerId);
      this.dragged = { from: event, box: null, isLong: false };
      this.press = setTimeout(() => { if (this.dragged && !this.dragged.box) this.dragged.isLong = true; }, LONG_PRESS_MS);
    });
    canvas.addEventListener("pointermove", (event) => {
      const { dragged } = this;
      if (!dragged) return;
      const distance = Math.hypot(event.clientX - dragged.from.clientX, event.clientY - dragged.from.clientY);
      if (dragged.box || distance > DRAG) {
        const [a, b] = [this.camera.share(dragged.from), this.camera.share(event)];
        dragged.box = [Math.min(a.x, b.x), Math.min(a.y, b.y), Math.max(a.x, b.x), Math.max(a.y, b.y)];
        this.camera.drawSoon();
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      clearTimeout(this.press);
      const { dragged } = this;
      this.dragged = null;
      if (dragged) this.end(dragged, event);
    });
    canvas.addEventListener("pointercancel", () => { clearTimeout(this.press); this.dragged = null; });
  }

  /** A click, or a box that was drawn. */
  end({ from, box, isLong }, event) {
    const more = event.ctrlKey || event.metaKey;
    if (box) return this.put([...(more ? this.parts : []), { box }]);
    const { x, y } = this.camera.share(from);
    const isBackground = event.shiftKey || event.button === 2 || isLong;
    if (isBackground) return this.put([...this.parts, { point: [x, y, 0] }]);
    if (more) return this.put([...this.parts, { point: [x, y, 1] }]);
    // One point needs no answer from afar: the masks are here.
    this.parts = [{ point: [x, y, 1] }];
    this.asked += 1;
    const id = this.camera.under(from);
    this.camera.choose(id === null ? [] : [id]);
  }

  /** Keys, while the picture has the focus; says whether it was one of ours. */
  key(event) {
    const { key } = event;
    if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") this.put(this.parts.slice(0, -1));
    else if (key === "Escape") this.put([]);
    else if (key === "Enter") this.keep();
    else return false;
    return true;
  }

  /** Asks with these parts in place of those before. */
  async put(parts) {
    this.parts = parts;
    this.asked += 1;
    const asked = this.asked;
    if (!parts.length) return this.camera.choose([]);
    this.camera.draw();
    try {
      const answer = await call("prompt", { camera: this.camera.name, ...this.prompt() });
      // Of several questions only the last one's answer counts.
      if (asked !== this.asked) return;
      this.camera.choose(answer.segments.map((segment) => segment.id));
      if (!answer.segments.length) this.camera.say("nothing found");
    } catch (error) {
      if (asked === this.asked) { this.camera.choose([]); this.camera.say(error.message); }
    }
  }

  prompt() {
    const of = (kind) => this.parts.filter((part) => part[kind] !== undefined).map((part) => part[kind]);
    const prompt = { normalized: true };
    const [points, boxes, [text]] = ["point", "box", "text"].map(of);
    if (points.length) prompt.points = points;
    if (boxes.length) prompt.boxes = boxes;
    if (text !== undefined) prompt.text = text;
    return prompt;
  }

  /** Names the prompt and has it stand. What was chosen with the keyboard is a point in its mask. */
  async keep() {
    if (!this.parts.length) {
      const point = this.camera.inside();
      if (!point) return this.camera.say("nothing is asked: click an object, draw a box or write a word first");
      this.parts = [{ point: [...point, 1] }];
    }
    const name = await askName("Keep this prompt as");
    if (!name) return;
    try {
      await call("prompts", { action: "set", name, camera: this.camera.name, prompt: this.prompt() });
      this.camera.say(`prompt ${name} stands`);
    } catch (error) { this.camera.say(error.message); }
    this.refresh();
  }

  async refresh() {
    try {
      const { prompts } = await list("prompts");
      const mine = prompts.filter((prompt) => prompt.camera === this.camera.name);
      this.standing.replaceChildren(...mine.map(({ name, prompt }) => removable(
        `${name}${prompt.text ? `: “${prompt.text}”` : ""}`, `prompt ${name}`, async () => {
          try { await call("prompts", { action: "remove", name, camera: this.camera.name }); } catch (error) { this.camera.say(error.message); }
          this.refresh();
        })));
    } catch (error) { this.camera.say(error.message); }
  }

  /** Draws what is asked. */
  draw(context, width, height) {
    const boxes = this.parts.filter((part) => part.box).map((part) => part.box);
    if (this.dragged?.box) boxes.push(this.dragged.box);
    context.lineWidth = Math.max(2, width / 500);
    context.setLineDash([8, 5]);
    context.strokeStyle = "#fff";
    for (const [x1, y1, x2, y2] of boxes) context.strokeRect(x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height);
    context.setLineDash([]);
    for (const { point } of this.parts.filter((part) => part.point)) {
      const [x, y, label] = point;
      context.beginPath();
      context.arc(x * width, y * height, Math.max(4, width / 200), 0, 2 * Math.PI);
      context.fillStyle = label ? "#17a34a" : "#dc2626";
      context.fill();
      context.strokeStyle = "#fff";
      context.stroke();
    }
  }
}
