/* Painting by keyboard: a pen that the arrow keys move and Enter puts down and lifts. It has the place of
   a pointer: what it draws is `Painting`'s. */

const FINE = [1 / 100, 1 / 128]; // of the shown time, of the height
const COARSE = 6; // times as far with Shift

class Pen {
  constructor(state) {
    this.state = state;
    this.rest();
  }

  /** Gone from the picture, until a key moves it. */
  rest() {
    this.lift();
    this.spot = null;
  }

  get down() {
    return Boolean(this.stroke);
  }

  /** Do what a key means for the pen; whether it meant anything. */
  key(event) {
    const { state } = this;
    const { painting } = state;
    const tool = Object.keys(TOOLS)[event.key - 1];
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] };
    const drawing = painting.tool !== "select";
    if (!state.get("paint") || event.ctrlKey || event.metaKey) return false;
    if (tool) painting.pick(tool);
    else if (drawing && moves[event.key]) this.move(...moves[event.key], event.shiftKey ? COARSE : 1);
    else if (drawing && event.key === "Enter") this.press();
    else if (this.spot && event.key === "Escape") this.rest();
    else return false;
    event.preventDefault();
    event.stopPropagation();
    this.tell();
    return true;
  }

  /** Where it is, or else where it appears: at the playhead, half way up. */
  get place() {
    const { state } = this;
    return (this.spot ??= state.spot(Math.max(state.shown[0], Math.min(state.shown[1], state.transport.position)), 0.5));
  }

  move(right, up, far) {
    const { state, place } = this;
    const [from, to] = state.shown;
    const within = (low, value, high) => Math.max(low, Math.min(high, value));
    const t = within(from, place.t + right * far * FINE[0] * (to - from), to);
    this.spot = state.spot(t, within(0, place.height + up * far * FINE[1], 1));
    this.stroke?.move(place, this.spot);
  }

  press() {
    if (this.stroke) return this.lift();
    this.start = this.place;
    this.stroke = this.state.painting.begin(this.start);
  }

  lift() {
    const { stroke } = this;
    this.stroke = null;
    stroke?.end(this.start, this.spot);
    this.state.tell("over");
  }

  tell() {
    const { spot, state } = this;
    state.tell("over");
    if (spot && !(state.words.wrong && state.words.text)) state.say(`Pen ${this.down ? "down" : "up"} at ${spot.t.toFixed(2)} s, ${spot.f.toFixed(0)} Hz.`);
  }
}
