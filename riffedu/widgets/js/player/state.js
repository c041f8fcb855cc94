/* What a player holds, and what follows from it: sounds, pictures, the part in view, a selection.
   Nothing here knows the page; `model` is anywidget's, what Python and the page have in common.

   Events: "load" (Python sent something), "picture" (what is drawn of it changed), "over" (what lies
   over it did), "words" (there is something to say), "tool" (another is in hand), "recording" (it began,
   or ended). The transport tells of itself. */

const PATIENCE = 1500; // milliseconds until a wait for Python is mentioned
const KERNEL_GONE = "The kernel is gone, so nothing new can be heard: run the cell again. To keep the picture, save it first: PNG, under more.";
const KERNEL_BUSY = "Waiting for Python … The sound comes when the kernel is free. If it was restarted, run the cell again.";
const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];

class PlayerState extends EventTarget {
  constructor(model) {
    super();
    this.model = model;
    this.transport = new Transport();
    this.painting = new Painting(this);
    this.microphone = new Microphone(this);
    this.pen = new Pen(this);
    this.scale = new FrequencyScale(this.get("frequencies"));
    this.pictures = [];
    this.view = [0, 1]; // the part that is shown, as shares of the whole
    this.selection = null; // [from s, to s, from Hz, to Hz]
    this.hand = { down: false, cursor: null, rubber: null, line: null }; // what a pointer does just now
    this.words = { text: "", wrong: false };
  }

  close() {
    clearTimeout(this.waiting);
    this.transport.hush(); // a view that is gone must not go on playing
    this.microphone.close();
  }

  get(name) {
    return this.model.get(name);
  }

  put(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    try {
      this.model.save_changes();
    } catch {} // the kernel is gone; what the page can do alone, it goes on doing
  }

  /** Send bytes to Python. If no answer comes for a while, or none can come, that is said. */
  send(content, bytes) {
    try {
      this.model.send(content, undefined, [new DataView(bytes.buffer)]);
    } catch {
      return this.say(KERNEL_GONE, true);
    }
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.say(KERNEL_BUSY), PATIENCE);
  }

  /** Python has answered what was sent last. */
  answered() {
    clearTimeout(this.waiting);
  }

  tell(event) {
    this.dispatchEvent(new Event(event));
  }

  say(text, wrong = false) {
    this.words = { text, wrong };
    this.tell("words");
  }

  get step() {
    return this.get("step");
  }

  get seconds() {
    const picture = this.pictures[0];
    return Math.max(this.transport.duration, picture ? picture.columns * this.step : 0) || 1;
  }

  /** The seconds that are shown: from and to. */
  get shown() {
    return this.view.map((share) => share * this.seconds);
  }

  /** The picture of the sound that is heard. */
  get picture() {
    return this.pictures[this.transport.which] || this.pictures[0];
  }

  get title() {
    return (this.transport.which && this.get("label_b")) || this.get("label");
  }

  get caption() {
    return (this.transport.which ? this.get("caption_b") : this.get("caption")) || "";
  }

  /** A second and a height (0 bottom, 1 top) with its hertz, and the picture's column and row there. */
  spot(t, height) {
    return { t, f: this.scale.hertz(height), height, column: t / this.step, row: (1 - height) * (this.pictures[0]?.rows || 1) };
  }

  // --- sound ----------------------------------------------------------------------------------

  togglePlay() {
    if (this.transport.playing) this.transport.stop();
    else this.transport.play();
  }

  /** From A to B, or back. */
  switchSound() {
    if (this.transport.sounds.length < 2) return;
    this.transport.choose(1 - this.transport.which);
    this.tell("picture");
  }

  faster(by) {
    const place = SPEEDS.indexOf(this.transport.speed) + by;
    if (SPEEDS[place]) this.transport.set({ speed: SPEEDS[place] });
  }

  // --- the selection --------------------------------------------------------------------------

  /** Hear `selection` alone, or all where there is none. */
  keepTo(selection) {
    this.selection = selection?.length === 4 ? selection : null;
    let region = null;
    if (this.selection) {
      const [from, to, low, high] = this.selection;
      const [lowest, highest] = this.scale.ends;
      region = { from, to, low: low <= lowest ? 0 : low, high: high >= highest ? Infinity : high };
    }
    if (JSON.stringify(region) !== JSON.stringify(this.transport.region)) this.transport.set({ region });
    this.tell("over");
  }

  select(selection) {
    this.put({ selection: selection || [] });
    this.keepTo(selection);
    if (!selection) return;
    const [from, to, low, high] = selection;
    this.say(`Selected: ${from.toFixed(2)} to ${to.toFixed(2)} s, ${low.toFixed(0)} to ${high.toFixed(0)} Hz. Click outside it, or press Escape, for all.`);
  }

  /** Start or end (`which` 0 or 1) to the playhead, or lower or upper edge (2 or 3) by a factor. */
  moveEdge(which, factor = 1) {
    const [lowest, highest] = this.scale.ends;
    const s = this.selection ? [...this.selection] : [0, this.transport.duration, lowest, highest];
    if (which < 2) s[which] = this.transport.position;
    else s[which] = Math.max(lowest, Math.min(highest, Math.max(50, s[which]) * factor));
    if (which === 2 && s[2] < 51) s[2] = lowest;
    if (s[1] - s[0] < 0.02 || s[3] <= s[2]) return this.say("A selection must end after it begins.", true);
    this.select(s);
  }

  // --- the part in view -----------------------------------------------------------------------

  show(from, to) {
    const wide = Math.min(1, Math.max(0.05 / this.seconds, to - from));
    from = Math.max(0, Math.min(1 - wide, from));
    this.view = [from, from + wide];
    this.tell("picture");
  }

  /** Show `factor` times as much, around a share of the width (the playhead by default). */
  zoom(factor, around = null) {
    const [from, to] = this.view;
    const line = this.transport.position / this.seconds;
    const fixed = around !== null ? from + around * (to - from) : line >= from && line <= to ? line : (from + to) / 2;
    this.show(fixed - (fixed - from) * factor, fixed + (to - fixed) * factor);
  }

  /** Turn the page when the playhead leaves what is shown. */
  follow() {
    const { position, playing } = this.transport;
    const [from, to] = this.shown;
    if (!playing || this.hand.down || (position >= from && position <= to)) return;
    const wide = this.view[1] - this.view[0];
    const left = Math.max(0, Math.min(1 - wide, position / this.seconds));
    this.show(left, left + wide);
  }

  /** Another colour map, here and in Python. */
  colour(name) {
    if (this.get("colour_map") !== name) this.put({ colour_map: name });
    this.recolour();
    this.tell("picture");
  }

  recolour() {
    const name = this.get("colour_map");
    for (const picture of this.pictures) if (picture.map !== name) picture.colour(name);
  }

  /** The hand does something that is seen, but changes nothing yet. */
  hold(changes) {
    Object.assign(this.hand, changes);
    this.tell("over");
  }
}
