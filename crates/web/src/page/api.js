// Requests as over MQTT, and what comes back.

/** Takes an answer apart: its data, or an error with its words. */
async function data(answer) {
  const text = await answer.text();
  let told;
  try { told = JSON.parse(text); } catch { throw new Error(text.trim() || `fastsamd says ${answer.status}`); }
  if (told.status !== "ok") throw new Error(told.error ?? text);
  return told.data;
}

/** Asks for something; `request` as on the topic `request/WHAT`. */
export const call = async (what, request) => data(await fetch(`/api/v1/${what}`, {
  method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(request),
}));

/** Lists what there is, of a camera or of all. */
export const list = async (what, camera) =>
  data(await fetch(`/api/v1/${what}${camera === undefined ? "" : `?camera=${encodeURIComponent(camera)}`}`));

/** Asks the user for a name that a topic can have; null where there is none. */
export function askName(title) {
  const dialog = document.querySelector("#name");
  const input = dialog.querySelector("input");
  dialog.querySelector("h2").textContent = title;
  input.value = "";
  return new Promise((resolve) => {
    const end = (name) => { dialog.close(); resolve(name); };
    dialog.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      if (input.reportValidity()) end(input.value.trim());
    };
    dialog.querySelector(".cancel").onclick = () => end(null);
    dialog.oncancel = () => resolve(null);
    dialog.showModal();
  });
}

/** A line of a list, with a button that removes what it names. */
export function removable(text, name, remove) {
  const line = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "remove";
  button.setAttribute("aria-label", `remove ${name}`);
  button.onclick = remove;
  line.append(text, " ", button);
  return line;
}
