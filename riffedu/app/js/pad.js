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
  drawCorners(pen, at, state.shares, style);
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

function drawCorners(pen, at, shares, style) {
  [pen.font, pen.textBaseline] = [`12px ${style.fontFamily}`, "middle"];
  [[0, 0], [1, 0], [0, 1], [1, 1]].forEach((corner, i) => {
    const [x, y] = at(corner);
    pen.fillStyle = COLOURS[i];
    pen.globalAlpha = 0.85;
    disc(pen, [x, y], 4 + 7 * Math.sqrt(shares[i]));
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = style.color;
    pen.textAlign = corner[0] ? "right" : "left";
    pen.fillText(`${Math.round(100 * shares[i])} %`, x + (corner[0] ? -16 : 16), y + (corner[1] ? 12 : -12));
  });
}

function drawWay(pen, places) {
  [pen.strokeStyle, pen.fillStyle, pen.lineWidth] = ["#888", "#888", 1];
  pen.beginPath();
  places.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
  places.forEach(([x, y]) => pen.fillRect(x - 2, y - 2, 4, 4));
}
