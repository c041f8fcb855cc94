/* The pad: four corners, each as large as its share; the way of the pieces so far; the dot. */

const RIM = 12; // pixels around the square in which the dot moves
const COLOURS = ["#0072b2", "#009e73", "#cc79a7", "#e69f00"]; // told apart by eyes of every kind
const DOT = "#d55e00";

function disc(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
}

/** `part` is what is heard. */
function drawPad(pad, state, style, part) {
  const pen = pad.getContext("2d");
  const [width, height] = [pad.clientWidth, pad.clientHeight];
  const at = ([x, y]) => [RIM + x * (width - 2 * RIM), height - RIM - y * (height - 2 * RIM)];
  pen.clearRect(0, 0, width, height);
  pen.strokeStyle = style.getPropertyValue("--riffedu-line");
  pen.strokeRect(RIM + 0.5, RIM + 0.5, width - 2 * RIM - 1, height - 2 * RIM - 1);
  drawCorners(pen, at, state.shares, state.get("prompts"), style);
  drawWay(pen, state.band.parts.filter((p) => !p.repeat).map((p) => at(p.piece.place)));
  if (part) {
    [pen.strokeStyle, pen.lineWidth] = [style.color, 2];
    disc(pen, at(part.piece.place), 9);
    pen.stroke();
  }
  pen.fillStyle = DOT;
  disc(pen, at([state.get("x"), state.get("y")]), 8);
  pen.fill();
  const prompts = state.get("prompts");
  const words = state.shares.map((share, i) => `${Math.round(100 * share)} percent ${prompts[i]}`).join(", ");
  pad.setAttribute("aria-label", `Pad. Now ${words}.`);
}

/** Each corner's colour, as strong as its share; its share and its prompt. */
function drawCorners(pen, at, shares, prompts, style) {
  const corners = [[0, 0], [1, 0], [0, 1], [1, 1]].map(at);
  const [left, right, top, bottom] = [corners[0][0], corners[1][0], corners[2][1], corners[0][1]];
  corners.forEach(([x, y], i) => {
    const glow = pen.createRadialGradient(x, y, 0, x, y, right - left);
    glow.addColorStop(0, COLOURS[i]);
    glow.addColorStop(1, `${COLOURS[i]}00`);
    [pen.fillStyle, pen.globalAlpha] = [glow, 0.1 + 0.4 * shares[i]];
    pen.fillRect(left, top, right - left, bottom - top);
  });
  [pen.font, pen.textBaseline] = [`12px ${style.fontFamily}`, "middle"];
  corners.forEach(([x, y], i) => {
    [pen.fillStyle, pen.globalAlpha] = [COLOURS[i], 0.85];
    disc(pen, [x, y], 4 + 7 * Math.sqrt(shares[i]));
    pen.fill();
    [pen.fillStyle, pen.globalAlpha, pen.textAlign] = [style.color, 1, i % 2 ? "right" : "left"];
    const words = `${Math.round(100 * shares[i])} % ${prompts[i] ?? ""}`;
    pen.fillText(shortened(pen, words, (right - left) / 2 - 24), x + (i % 2 ? -16 : 16), y + (i > 1 ? 12 : -12));
  });
}

/** Text cut to a width in pixels. */
function shortened(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 0 && pen.measureText(`${text.slice(0, end)}…`).width > width) end -= 1;
  return `${text.slice(0, end)}…`;
}

function drawWay(pen, places) {
  [pen.strokeStyle, pen.fillStyle, pen.lineWidth] = ["#888", "#888", 1];
  pen.beginPath();
  places.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
  places.forEach(([x, y]) => pen.fillRect(x - 2, y - 2, 4, 4));
}
