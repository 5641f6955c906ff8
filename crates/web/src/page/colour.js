// Objects' colours and short names, the same wherever an object is shown.

/** A colour for an object, far from those of the ids around it: the golden angle. */
export function colour(id) {
  const hue = (id * 137.50776) % 360;
  const light = [60, 72, 50, 66][Math.floor(id / 8) % 4];
  const [saturation, value] = [0.85, light / 100];
  const band = (n) => {
    const k = (n + hue / 30) % 12;
    return value - saturation * Math.min(value, 1 - value) * Math.max(-1, Math.min(k - 3, 9 - k, 1));
  };
  return [band(0), band(8), band(4)].map((part) => Math.round(part * 255));
}

export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/** The end of a long id, which is what tells the objects of a scene apart. */
export const short = (id) => (id > 99999 ? `…${String(id).slice(-4)}` : `${id}`);
