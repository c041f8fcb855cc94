/* Where a player's seconds and hertz lie on the page, and the other way round. */

const MARGIN = { left: 40, right: 8, top: 6, bottom: 20 };

class Axes {
  constructor(state) {
    this.state = state;
    this.box = null; // the picture's rectangle, once the page has room for it
  }

  fit(width, height) {
    this.box = {
      x: MARGIN.left,
      y: MARGIN.top,
      width: Math.max(10, width - MARGIN.left - MARGIN.right),
      height: Math.max(10, height - MARGIN.top - MARGIN.bottom),
    };
  }

  across(seconds) {
    const [from, to] = this.state.shown;
    return this.box.x + (this.box.width * (seconds - from)) / (to - from);
  }

  /** A spot as a point of the page. */
  point({ t, height }) {
    return { x: this.across(t), y: this.box.y + this.box.height * (1 - height) };
  }

  up(hertz) {
    return this.box.y + this.box.height * (1 - this.state.scale.height(hertz));
  }

  /** A point of the page as seconds and hertz, and as column and row of the picture. */
  where({ x, y }) {
    const { box, state } = this;
    const [from, to] = state.shown;
    const t = Math.max(0, Math.min(state.seconds, from + ((x - box.x) / box.width) * (to - from)));
    const height = Math.max(0, Math.min(1, 1 - (y - box.y) / box.height));
    return state.spot(t, height);
  }

  below({ y }) {
    return y > this.box.y + this.box.height;
  }

  inside(point) {
    return point.x >= this.box.x && point.y >= this.box.y && !this.below(point);
  }
}
