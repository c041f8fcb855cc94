/* The picture of the last fifty seconds and of what is ready, moving under the playhead. */

const BEFORE = 50; // seconds of the past in view
const BEHIND = 10; // and of what is ready
const ROOM = { left: 40, right: 4, bottom: 18 }; // for the axes

/** Where the picture lies on its canvas, and where the seconds of the music lie in it. */
function scrollFrame(canvas, { heard }) {
  const [left, tall] = [ROOM.left, canvas.clientHeight - ROOM.bottom];
  const wide = canvas.clientWidth - ROOM.left - ROOM.right;
  const across = (t) => left + (wide * (t - heard + BEFORE)) / (BEFORE + BEHIND);
  const time = (x) => heard - BEFORE + ((x - left) / wide) * (BEFORE + BEHIND);
  return { left, tall, wide, across, time };
}

function drawScroll(canvas, state, style) {
  const pen = canvas.getContext("2d");
  const { band, scale } = state;
  const { heard } = band;
  const { left, tall, wide, across } = scrollFrame(canvas, band);
  pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
  pen.fillStyle = style.getPropertyValue("--jp-layout-color1") || "#fff"; // a white sheet would glare in the dark
  pen.fillRect(left, 0, wide, tall);
  pen.save();
  pen.beginPath();
  pen.rect(left, 0, wide, tall);
  pen.clip();
  for (const part of band.parts) drawPart(pen, part, heard, across, tall);
  pen.fillStyle = "#d55e00";
  pen.fillRect(across(heard) - 1, 0, 2, tall);
  pen.restore();
  pen.strokeStyle = style.getPropertyValue("--riffedu-line");
  pen.strokeRect(left + 0.5, 0.5, wide - 1, tall - 1);
  [pen.fillStyle, pen.font, pen.textBaseline, pen.textAlign] = [style.color, `11px ${style.fontFamily}`, "middle", "right"];
  for (const { f, text } of scale.ticks(tall)) {
    pen.fillText(f === 0 ? "0 Hz" : text, left - 5, Math.max(6, Math.min(tall - 6, tall * (1 - scale.height(f)))));
  }
  pen.textBaseline = "top";
  for (let t = -BEFORE; t <= BEHIND; t += 10) {
    const label = t === 0 ? "now" : t < 0 ? `−${-t} s` : `+${t} s`;
    pen.textAlign = t === BEHIND ? "right" : t === -BEFORE ? "left" : "center";
    pen.fillText(label, across(heard + t), tall + 4);
  }
}

/** A piece's picture, tinted where it is a repeat or still to come, and a line where it begins. */
function drawPart(pen, part, heard, across, tall) {
  const [begin, end] = [part.at / RATE, (part.at + part.length) / RATE];
  if (end < heard - BEFORE || begin > heard + BEHIND) return;
  const [left, wide] = [across(begin), across(end) - across(begin)];
  part.picture.draw(pen, (100 * part.first) / RATE, (100 * (part.first + part.length)) / RATE, left, 0, wide, tall);
  pen.fillStyle = part.repeat ? "rgba(213, 94, 0, 0.25)" : begin > heard ? "rgba(0, 114, 178, 0.12)" : "rgba(0, 0, 0, 0)";
  pen.fillRect(left, 0, wide, tall);
  pen.fillStyle = "rgba(128, 128, 128, 0.5)";
  pen.fillRect(left, 0, 1, tall);
}
