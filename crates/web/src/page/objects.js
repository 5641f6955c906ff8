// The objects of a camera, beside its picture: a button each, the oldest first.

import { colour, css, short } from "/colour.js";

const MOST = 50;
const EVERY_MS = 400;

export class Objects {
  constructor(camera, section) {
    this.camera = camera;
    this.list = section.querySelector(".objects ul");
    this.count = section.querySelector(".objects summary");
    this.rows = new Map();
    this.shownAt = 0;
  }

  /** Shows what is seen now; not at every frame, as nobody reads that fast. */
  show(segments) {
    const now = performance.now();
    if (now - this.shownAt < EVERY_MS) return this.mark();
    this.shownAt = now;
    this.count.textContent = `Objects: ${segments.length}`;
    if (!this.list.parentElement.open) return;
    const seen = [...segments].sort((a, b) => a.id - b.id).slice(0, MOST);
    const ids = new Set(seen.map(({ id }) => id));
    for (const [id, row] of this.rows) if (!ids.has(id)) { row.remove(); this.rows.delete(id); }
    for (const segment of seen) {
      const row = this.rows.get(segment.id) ?? this.add(segment.id);
      const speed = Math.hypot(...segment.velocity);
      const words = [segment.name, `${segment.area} px`, `${(segment.age_ms / 1000).toFixed(0)} s`, speed < 5 ? "" : `${speed.toFixed(0)} px/s`];
      const text = words.filter(Boolean).join(" · ");
      if (row.lastChild.textContent !== text) row.lastChild.textContent = text;
    }
    this.mark();
  }

  add(id) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const dot = document.createElement("i");
    dot.style.background = css(colour(id));
    button.append(dot, short(id));
    button.title = `object ${id}`;
    button.setAttribute("aria-label", `select object ${id}`);
    button.onclick = () => { this.camera.prompts.parts = []; this.camera.choose([id]); };
    row.append(button, document.createElement("span"));
    this.list.append(row);
    this.rows.set(id, row);
    return row;
  }

  mark() {
    for (const [id, row] of this.rows) row.firstChild.setAttribute("aria-pressed", this.camera.chosen.has(id));
  }
}
