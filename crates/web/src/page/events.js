// What happens, the newest on top.

import { colour, css, short } from "/colour.js";

const MOST = 100;
const list = document.querySelector("#events");

/** Adds what happened to the list. */
export function tell(camera, event) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = event.at;
  time.textContent = new Date(event.at).toLocaleTimeString([], { hourCycle: "h23" });
  const what = document.createElement("b");
  what.textContent = event.event;
  const dot = document.createElement("i");
  dot.style.background = css(colour(event.id));
  const words = [short(event.id), event.zone ?? event.line ?? "", document.querySelectorAll(".camera").length > 1 ? camera : ""];
  line.append(time, what, dot, words.filter(Boolean).join(" "));
  line.title = `${camera}: object ${event.id}`;
  line.dataset.event = event.event;
  list.prepend(line);
  while (list.children.length > MOST) list.lastElementChild.remove();
}
