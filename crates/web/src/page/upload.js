// A picture of the user's own: dropped or chosen, segmented once, and shown with its masks.

import { colour, css } from "/colour.js";

/** What fastsamd takes. */
const MOST_BYTES = 32 * 1024 * 1024;
const section = document.querySelector("#upload");
const canvas = section.querySelector("canvas");
const context = canvas.getContext("2d", { alpha: false });
const told = section.querySelector("[role=status]");
const input = section.querySelector("input");
let shown = null;
let turn = 0;

/** Rings of [x1, y1, x2, y2, ...]; holes are among them. */
function path(rings) {
  const whole = new Path2D();
  for (const ring of rings) {
    for (let i = 0; i < ring.length; i += 2) whole[i ? "lineTo" : "moveTo"](ring[i], ring[i + 1]);
    whole.closePath();
  }
  return whole;
}

function draw(hovered = null) {
  const { picture, segments } = shown;
  if (picture) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  else { context.fillStyle = "#727272"; context.fillRect(0, 0, canvas.width, canvas.height); }
  context.lineWidth = Math.max(1, canvas.width / 500);
  for (const { id, shape } of segments) {
    context.fillStyle = context.strokeStyle = css(colour(id));
    context.globalAlpha = id === hovered ? 0.75 : 0.4;
    context.fill(shape, "evenodd");
    context.globalAlpha = 1;
    context.stroke(shape);
  }
  canvas.dataset.hovered = hovered ?? "";
}

async function segment(file) {
  const mine = (turn += 1);
  section.hidden = false;
  section.scrollIntoView({ block: "nearest" });
  if (file.size > MOST_BYTES) { told.textContent = `${file.name}: larger than ${MOST_BYTES >> 20} MiB`; return; }
  told.textContent = `${file.name}: being segmented`;
  try {
    const query = "mask_format=polygon&mask_size=frame&polygon_tolerance=1";
    const answer = await fetch(`/api/v1/segment?${query}`, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });
    const text = await answer.text();
    if (mine !== turn) return;
    if (!answer.ok) {
      let why = text.trim();
      try { why = JSON.parse(text).error; } catch { /* It is a line of text. */ }
      throw new Error(why);
    }
    const { frame, segments, latency_ms: latency } = JSON.parse(text);
    // Not every browser shows all that fastsamd reads: then the masks stand alone.
    const picture = await createImageBitmap(file).catch(() => null);
    const largest = [...segments].sort((a, b) => b.area - a.area);
    shown = { picture, segments: largest.map((one) => ({ ...one, shape: path(one.segmentation) })) };
    [canvas.width, canvas.height] = [frame.width, frame.height];
    canvas.hidden = false;
    canvas.dataset.count = segments.length;
    canvas.setAttribute("aria-label", `${file.name} with ${segments.length} masks`);
    draw();
    told.textContent = `${file.name}: ${segments.length} ${segments.length === 1 ? "object" : "objects"} in ${latency.total.toFixed(0)} ms`;
  } catch (error) { if (mine === turn) told.textContent = `${file.name}: ${error.message}`; }
}

/** The object under the pointer: the smallest, which is drawn last. */
canvas.addEventListener("pointermove", ({ offsetX, offsetY }) => {
  if (!shown) return;
  const [x, y] = [(offsetX * canvas.width) / canvas.clientWidth, (offsetY * canvas.height) / canvas.clientHeight];
  const hit = shown.segments.findLast(({ shape }) => context.isPointInPath(shape, x, y, "evenodd"));
  if (`${hit?.id ?? ""}` !== canvas.dataset.hovered) draw(hit?.id ?? null);
});
canvas.addEventListener("pointerleave", () => { if (shown) draw(); });

input.addEventListener("change", () => { if (input.files[0]) segment(input.files[0]); input.value = ""; });
document.querySelector("#choose").addEventListener("click", () => input.click());
section.querySelector(".close").addEventListener("click", () => { turn += 1; section.hidden = canvas.hidden = true; shown = null; });

const brings = (event) => [...event.dataTransfer.types].includes("Files");
document.addEventListener("dragover", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) document.body.classList.remove("dropping"); });
document.addEventListener("drop", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files[0]) segment(event.dataTransfer.files[0]);
});
