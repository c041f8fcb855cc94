/* What a player draws: the picture with its axes on one canvas, what lies over it on another. */

const ORANGE = "#d55e00";

class PlayerDrawing {
  constructor(page, state, axes) {
    Object.assign(this, { page, state, axes });
  }

  /** The page has given the canvases another size, maybe. */
  layout() {
    const { stage, canvas, over } = this.page;
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const [width, height] = [stage.clientWidth, stage.clientHeight];
    if (!width) return;
    for (const each of [canvas, over]) {
      [each.width, each.height] = [width * ratio, height * ratio];
      each.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.axes.fit(width, height);
    this.drawPicture();
  }

  get grey() {
    return this.state.get("colour_map") === "grey";
  }

  /** Draw something that ends at the picture's edges. */
  within(pen, draw) {
    const { x, y, width, height } = this.axes.box;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    draw();
    pen.restore();
  }

  // --- the picture ----------------------------------------------------------------------------

  drawPicture() {
    if (!this.axes.box) return;
    const { state, axes } = this;
    const { canvas, strip, thumb, root } = this.page;
    const pen = canvas.getContext("2d");
    const { x, y, width, height } = axes.box;
    const [from, to] = state.shown;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = this.grey ? "#fff" : "#888";
    pen.fillRect(x, y, width, height);
    if (state.picture) {
      this.within(pen, () => state.picture.draw(pen, from / state.step, to / state.step, x, y, width, height));
    }
    const style = getComputedStyle(root);
    [pen.fillStyle, pen.strokeStyle, pen.font] = [style.color, style.color, `11px ${style.fontFamily}`];
    [pen.lineWidth, pen.globalAlpha] = [1, 0.5];
    pen.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
    pen.globalAlpha = 0.9;
    this.drawFrequencies(pen);
    this.drawTimes(pen);
    pen.globalAlpha = 1;
    const [left, right] = state.view;
    strip.hidden = right - left > 0.999;
    thumb.style.left = `${100 * left}%`;
    thumb.style.width = `${100 * (right - left)}%`;
  }

  drawFrequencies(pen) {
    const { x, y, height } = this.axes.box;
    [pen.textAlign, pen.textBaseline] = ["right", "middle"];
    for (const { f, text } of this.state.scale.ticks(height)) {
      const at = this.axes.up(f);
      pen.fillRect(x - 4, at, 3, 1);
      pen.fillText(f === 0 ? "0 Hz" : text, x - 6, Math.max(y + 5, Math.min(y + height - 5, at)));
    }
  }

  drawTimes(pen) {
    const { x, y, width, height } = this.axes.box;
    pen.textBaseline = "top";
    timeTicks(...this.state.shown, width / 70).forEach((t, i) => {
      const at = this.axes.across(t);
      pen.fillRect(at, y + height + 1, 1, 3);
      pen.textAlign = at > x + width - 14 ? "right" : "center";
      pen.fillText(i === 0 ? `${t} s` : `${t}`, at, y + height + 5);
    });
  }

  // --- over it --------------------------------------------------------------------------------

  drawOver(position) {
    if (!this.axes.box) return;
    const { over } = this.page;
    const { rubber, line, cursor } = this.state.hand;
    const selection = rubber || this.state.selection;
    const pen = over.getContext("2d");
    pen.clearRect(0, 0, over.width, over.height);
    this.within(pen, () => {
      if (selection) this.drawSelection(pen, selection);
      if (line) this.drawLine(pen, line);
      this.drawPlayhead(pen, position);
      this.drawPen(pen);
    });
    if (cursor) this.drawCursor(pen, cursor);
  }

  /** A frame, and a veil over what is not heard. */
  drawSelection(pen, [from, to, low, high]) {
    const { axes } = this;
    const { x, y, width, height } = axes.box;
    const [left, top] = [axes.across(from), axes.up(high)];
    const frame = [left, top, axes.across(to) - left, axes.up(low) - top];
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.rect(...frame);
    pen.fillStyle = this.grey ? "rgba(255, 255, 255, 0.5)" : "rgba(0, 0, 0, 0.45)";
    pen.fill("evenodd");
    for (const [colour, wide] of [["#fff", 4], ["#0072b2", 2]]) {
      [pen.strokeStyle, pen.lineWidth] = [colour, wide];
      pen.strokeRect(...frame);
    }
  }

  drawLine(pen, { start, now }) {
    [pen.strokeStyle, pen.lineWidth] = [ORANGE, 2];
    pen.beginPath();
    pen.moveTo(start.x, start.y);
    pen.lineTo(now.x, now.y);
    pen.stroke();
  }

  /** The pen that keys move: a ring, filled while it is down, and the line that it will leave. */
  drawPen(pen) {
    const { spot, start, stroke, down } = this.state.pen;
    if (!spot) return;
    const now = this.axes.point(spot);
    if (stroke?.shape) this.drawLine(pen, { start: this.axes.point(start), now });
    pen.beginPath();
    pen.arc(now.x, now.y, 7, 0, 7);
    [pen.strokeStyle, pen.lineWidth, pen.fillStyle] = [ORANGE, 2, ORANGE];
    pen.stroke();
    if (down) pen.fill();
  }

  drawPlayhead(pen, position) {
    const { y, height } = this.axes.box;
    const at = this.axes.across(position);
    pen.fillStyle = "#fff";
    pen.fillRect(at - 1.5, y, 3, height);
    pen.fillStyle = ORANGE;
    pen.fillRect(at - 0.75, y, 1.5, height);
  }

  drawCursor(pen, { x, y }) {
    const { box } = this.axes;
    const { t, f } = this.axes.where({ x, y });
    const words = `${t.toFixed(2)} s, ${f.toFixed(0)} Hz`;
    const wide = pen.measureText(words).width + 8;
    const left = Math.min(x + 10, box.x + box.width - wide);
    const top = Math.max(box.y, y - 22);
    pen.fillStyle = "rgba(255, 255, 255, 0.88)";
    pen.fillRect(left, top, wide, 16);
    [pen.fillStyle, pen.textAlign, pen.textBaseline] = ["#222", "left", "middle"];
    pen.fillText(words, left + 4, top + 8.5);
  }
}
