/* Endless music on the audio clock: pieces are asked for ahead of time, laid end to end to the
   sample, and where the next one is late, the last is repeated in time.

   Places in the music are counted in samples from its beginning. Once begun, sample 0 sounds at frame
   `origin` of the audio clock. */

const SHORTEST_LEAD = 3; // seconds that should lie ahead at least
const LONGEST_LEAD = 15; // unless the band is told otherwise, as with PATIENCE
const JUST_IN_TIME = 0.25; // seconds before the end at which a repeat is laid down
const PATIENCE = 30; // seconds of repeats before the music ends
const READY = 0.1; // seconds; a piece that comes sooner was there already, and tells nothing of the next
const SEEN = 60; // seconds of the past that are kept to be looked at

class Band extends EventTarget {
  /** `ask(run, number)` asks for the next piece; the answer goes to `add`, a refusal to `refused`.
      `burst` is what the stereo side is made with. */
  constructor(ask, burst) {
    super();
    [this.ask, this.burst, this.wide] = [ask, burst, 0];
    [this.patience, this.longestLead] = [PATIENCE, LONGEST_LEAD];
    this.run = 0;
    this.begin();
    this.timer = setInterval(() => this.tick(), 50);
  }

  begin() {
    this.run += 1;
    this.silence();
    Object.assign(this, {
      parts: [], // {at, length, samples, piece, repeat}, end to end
      end: 0, // where the next one begins
      place: 0, // where it was paused
      number: 0, // of the piece that is wanted next
      asked: null, // when
      held: false, // whether no piece may be asked for now
      took: 2, // seconds that the last piece took
      late: 0, // samples of repeats since the last piece
      repeats: 0,
      playing: false,
      tape: null, // parts from `from` on, while recording
      retry: 0,
      preparing: false,
    });
    this.dispatchEvent(new Event("begin"));
    this.tell();
  }

  close() {
    clearInterval(this.timer);
    this.run += 1;
    this.silence();
    this.playing = false;
  }

  // --- time -----------------------------------------------------------------------------------

  /** The sample that the audio clock has reached. */
  get now() {
    if (!this.playing) return this.place;
    return Math.max(this.place, Math.round(speaker().context.currentTime * RATE) - this.origin);
  }

  /** The second that is heard. */
  get heard() {
    return Math.max(0, this.now / RATE - (this.playing ? speaker().latency : 0));
  }

  /** Seconds that can be played before anything new must be there. */
  get ahead() {
    return (this.end - this.now) / RATE;
  }

  /** How much should lie ahead: enough for two pieces as slow as the last. */
  get lead() {
    return Math.min(this.longestLead, Math.max(SHORTEST_LEAD, 2.5 * this.took + 1.5));
  }

  get waiting() {
    return this.playing && this.end === 0;
  }

  /** The stereo width, 0 to 1. */
  get width() {
    return this.wide;
  }
  set width(value) {
    if (value === this.wide) return;
    this.wide = value;
    this.widener?.set(value);
    this.tape?.widths.push([this.now - this.tape.from, value]);
  }

  // --- hands ----------------------------------------------------------------------------------

  async play() {
    const out = speaker();
    await out.take(this, () => this.pause());
    if (this.playing) return;
    this.playing = true;
    this.retry = 0;
    this.late = 0;
    this.schedule();
    this.tick();
    this.tell();
  }

  /** Have the first pieces made before they are wanted. */
  prepare() {
    this.preparing = true;
    if (this.playing || this.held || this.ahead >= this.lead || this.asked !== null) return;
    this.asked = performance.now();
    this.ask(this.run, this.number);
  }

  pause() {
    if (!this.playing) return;
    this.place = Math.min(this.now, this.end);
    this.playing = false;
    this.silence();
    this.tell();
  }

  /** Sound from `place` on, from the next moment of the clock. */
  schedule() {
    const { context } = speaker();
    this.origin = Math.ceil((context.currentTime + 0.05) * RATE) - this.place;
    this.parts.forEach((part) => this.lay(part));
  }

  lay(part) {
    if (!this.playing || part.at + part.length <= this.place) return;
    const { context, input } = speaker();
    const skip = Math.max(0, this.place - part.at);
    const samples = Float32Array.from(part.samples.subarray(skip), (v) => v / 32768);
    if (skip) for (let i = 0; i < Math.min(220, samples.length); i++) samples[i] *= i / 220;
    const source = context.createBufferSource();
    source.buffer = audioBuffer([samples]);
    source.connect(this.gate ??= this.newGate(context, input));
    // A hair early: a clock that rounds up must not leave a sample's gap.
    source.start((this.origin + part.at + skip - 1e-3) / RATE);
    this.sources.add(source);
    source.onended = () => this.sources?.delete(source);
  }

  newGate(context, input) {
    this.sources = new Set();
    const gate = context.createGain();
    this.widener ??= new Widener(context, input, this.burst, this.wide);
    gate.connect(this.widener.input);
    return gate;
  }

  silence() {
    if (!this.gate) return;
    const [gate, sources] = [this.gate, this.sources];
    this.gate = null;
    const { currentTime } = speaker().context;
    gate.gain.setTargetAtTime(0, currentTime, 0.002);
    sources.forEach((source) => {
      source.onended = null;
      source.stop(currentTime + 0.02);
    });
    setTimeout(() => gate.disconnect(), 100);
  }

  // --- pieces ---------------------------------------------------------------------------------

  tick() {
    if (!this.playing) return;
    const moment = performance.now();
    if (!this.held && this.asked === null && moment >= this.retry && this.ahead < this.lead) {
      this.asked = moment;
      this.ask(this.run, this.number);
    }
    if (this.end && this.ahead < JUST_IN_TIME) this.repeat();
    const oldest = this.now - SEEN * RATE;
    while (this.parts.length > 1 && this.parts[0].at + this.parts[0].length < oldest) this.parts.shift();
    this.tell();
  }

  /** The next piece: `samples` (16-bit, with `after` that would follow it), its picture, its facts. */
  add(samples, picture, piece) {
    if (piece.run !== this.run) return;
    this.asked = null;
    this.number = piece.number + 1;
    if (piece.took > READY) this.took = piece.took;
    this.late = 0;
    const length = samples.length - piece.after;
    this.last = { samples, length, piece, picture };
    this.append({ samples: samples.subarray(0, length), piece, picture, first: 0, repeat: false });
    this.slow = piece.took > length / RATE;
    if (this.preparing) this.prepare();
  }

  append(part) {
    part.at = this.end;
    part.length = part.samples.length;
    this.end += part.length;
    if (this.parts.length === 0 && this.playing) this.origin = Math.ceil((speaker().context.currentTime + 0.05) * RATE) - part.at;
    this.parts.push(part);
    if (this.tape) this.tape.push(part);
    this.lay(part);
    this.dispatchEvent(new CustomEvent("part", { detail: part }));
    this.tell();
  }

  /** Python could not make the piece: say why, and try again in a moment. */
  refused(run) {
    if (run !== this.run) return;
    this.asked = null;
    this.retry = performance.now() + 2000;
    if (this.end === 0) this.pause();
    this.tell();
  }

  /** The last piece's end once more: as many of its periods as fit, faded into from what would follow. */
  repeat() {
    const { samples, length, piece, picture } = this.last;
    if (this.late > this.patience * RATE) {
      this.asked = null;
      this.pause();
      this.dispatchEvent(new Event("lost"));
      return;
    }
    const turn = Math.round(piece.period * RATE) || length;
    const again = Math.min(length, turn * Math.max(1, Math.floor(length / turn)));
    const first = length - again;
    const copy = samples.slice(first, length);
    const fade = Math.min(piece.after, again);
    for (let i = 0; i < fade; i++) {
      const angle = ((i + 0.5) / fade) * (Math.PI / 2);
      const mixed = Math.sin(angle) * copy[i] + Math.cos(angle) * samples[length + i];
      copy[i] = Math.max(-32768, Math.min(32767, Math.round(mixed)));
    }
    this.repeats += 1;
    this.late += again;
    this.append({ samples: copy, piece, picture, first, repeat: true });
  }

  /** The part that sounds at a sample. */
  partAt(sample) {
    return this.parts.findLast((part) => part.at <= sample) || null;
  }

  // --- the tape -------------------------------------------------------------------------------

  startTape() {
    const from = this.now;
    this.tape = this.parts.filter((part) => part.at + part.length > from);
    Object.assign(this.tape, { from, widths: [[0, this.width]] });
  }

  /** What was heard since `startTape`, to the sample, as float channels: two if it was ever wide. */
  async stopTape() {
    const [tape, to] = [this.tape, this.now];
    this.tape = null;
    const out = new Float32Array(Math.max(1, to - tape.from));
    for (const part of tape) {
      const [begin, end] = [Math.max(tape.from, part.at), Math.min(to, part.at + part.length)];
      for (let i = begin; i < end; i++) out[i - tape.from] = part.samples[i - part.at] / 32768;
    }
    return tape.widths.some(([, width]) => width) ? widened(out, tape.widths, this.burst) : [out];
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
