/* Painting in a player: the tool in hand, strokes on its first picture, undo; Python makes the sound.
   Places are {column, row} of the picture and {t, f} in seconds and hertz. */

const TOOLS = {
  select: ["⬚", "Select: drag a rectangle to hear only that time and band"],
  brush: ["●", "Brush: paint sound"],
  eraser: ["○", "Eraser: make silence"],
  line: ["╱", "Line: drag a tone or a glide"],
  harmonics: ["☰", "Overtones: drag a note with eight overtones"],
  stamp: ["▣", "Stamp: lay down the selected rectangle where you press"],
};
const UNDOS = 30;

class Painting {
  constructor(state) {
    this.state = state;
    this.tool = "select";
    [this.size, this.ink] = [10, -6]; // of brush and eraser; dB below black
    this.hear = true; // what changed, when the pen is lifted
    this.undos = [];
    this.stroke = 0; // number of the last one
    this.changed = null; // the second from which it changed the sound, until that has come
    this.patch = null; // what the stamp lays down
  }

  get picture() {
    return this.state.pictures[0];
  }

  get brush() {
    return { size: this.size, ink: this.ink, erase: this.tool === "eraser" };
  }

  pick(tool) {
    this.state.pen.lift();
    this.tool = tool;
    this.state.tell("tool");
  }

  forget() {
    this.undos = [];
  }

  /** A stroke from a place on: `move` from one place to the next, `end` with its first and last; null
      where there can be none. `shape`: it is laid down only when it ends. */
  begin(place) {
    const { state, tool, picture } = this;
    if (!picture || !state.get("paint")) return null;
    if (tool === "stamp" && !state.selection && !this.patch) {
      state.say("First select a rectangle; then the stamp lays it down where you press.", true);
      return null;
    }
    this.undos.push(picture.pixels.slice());
    if (this.undos.length > UNDOS) this.undos.shift();
    let changed = [Infinity, -Infinity];
    const mark = ([from, to]) => {
      changed = [Math.min(changed[0], from), Math.max(changed[1], to)];
      picture.refresh(from, to);
      state.tell("picture");
    };
    const shape = ["line", "harmonics"].includes(tool);
    const dots = !shape && tool !== "stamp";
    if (dots) mark(stroke(picture, place, place, this.brush));
    if (tool === "stamp") {
      if (state.selection) this.cut();
      mark(stamp(picture, this.patch, place));
    }
    return {
      shape,
      move: (from, to) => dots && mark(stroke(picture, from, to, this.brush)),
      end: (from, to) => {
        const overtones = tool === "harmonics" ? 8 : 1;
        if (shape) mark(tone(picture, state.scale, from, to, { ...this.brush, overtones }));
        this.send(changed);
      },
    };
  }

  /** The selected rectangle becomes the stamp's patch. */
  cut() {
    const { state, picture } = this;
    const [from, to, low, high] = state.selection;
    const row = (f) => (1 - state.scale.height(f)) * picture.rows;
    this.patch = patchOf(picture, from / state.step, to / state.step, row(high), row(low));
    state.select(null);
  }

  undo() {
    const before = this.undos.pop();
    if (!before) return this.state.say("There is nothing to undo.");
    const { picture } = this;
    const now = picture.pixels;
    let [from, to] = [picture.columns, 0];
    for (let i = 0; i < now.length; i++) {
      if (now[i] === before[i]) continue;
      from = Math.min(from, i % picture.columns);
      to = Math.max(to, (i % picture.columns) + 1);
    }
    picture.pixels = before;
    picture.refresh(0, picture.columns);
    this.state.tell("picture");
    if (from < to) this.send([from, to]);
  }

  /** The pen was lifted: Python gets the picture, and makes its sound. */
  send([from, to]) {
    const { state, picture } = this;
    this.changed = Math.max(0, from) * state.step || 1e-9;
    this.stroke = 1 + Math.max(this.stroke, state.get("stroke"));
    const columns = { from: Math.max(0, Math.floor(from)), to: Math.min(picture.columns, Math.ceil(to)) };
    state.send({ type: "painted", stroke: this.stroke, ...columns }, picture.pixels.slice());
    state.tell("over");
  }

  /** Python sent something: where the last stroke is in the sound, or was refused, it is done. */
  answered() {
    const { state, changed } = this;
    if (!changed || state.get("stroke") < this.stroke) return;
    const { playing, duration } = state.transport;
    if (this.hear && !playing && duration && !state.get("message")) state.transport.play(Math.max(0, changed - 0.05));
    this.changed = null;
  }
}
