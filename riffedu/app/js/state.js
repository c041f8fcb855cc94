/* What an instrument holds: its controls, which Python has too, and the band that plays the pieces that
   Python makes of them. Nothing here knows the page; `model` is anywidget's.

   Events: "change" (controls, the tape), "words" (there is something to say), "piece" (a new one), and
   with something in `detail` "file" (to be saved) and "session" (to be handed out), "xray" (what drew a place). The band tells of
   itself. */

const LONGEST_TAPE = 30 * 60; // seconds
const LONGEST_DROP = 60;
const SETTLED = 700; // milliseconds after which a control counts as left alone
const UNDOS = 30;
const CONTROLS = ["prompts", "x", "y", "text", "seed", "steps", "guidance_scale", "strength", "seed_sound", "width"];

class InstrumentState extends EventTarget {
  constructor(model, signal) {
    super();
    this.model = model;
    this.band = new Band((run, number) => this.ask(run, number), this.get("burst"));
    this.band.width = this.get("width");
    this.addEventListener("change", () => (this.band.width = this.get("width")));
    this.scale = new FrequencyScale(this.get("frequencies"));
    this.firstSeed = this.get("seed");
    this.past = []; // what `undo` calls
    this.touched = {}; // controls moved here since the last piece was asked for
    this.words = { text: "", wrong: false };
    const heard = Object.entries({
      ...Object.fromEntries(CONTROLS.map((name) => [`change:${name}`, () => this.tell("change")])),
      "msg:custom": (content, buffers) => this.told(content, buffers || []),
    });
    heard.forEach(([event, action]) => model.on(event, action));
    signal.addEventListener("abort", () => heard.forEach(([event, action]) => model.off(event, action)));
    this.band.addEventListener("change", () => this.taped > LONGEST_TAPE && this.record()); // in a hidden tab too
    this.band.addEventListener("lost", () => {
      this.band.held = false;
      this.say("No new piece came in time, so the music stopped. Is the kernel running? Press play to try again.", true);
    });
  }

  get(name) {
    return this.model.get(name);
  }

  set(changes) {
    Object.assign(this.touched, changes);
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
    this.tell("change");
    if (Object.keys(changes).some((name) => name !== "width")) this.renewSoon();
  }

  /** Set controls, so that `undo` can set them back. */
  replace(changes) {
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, this.get(name)]));
    this.remember(() => this.set({ ...before, ...this.promptsBack(before.prompts, changes.prompts) }));
    this.set(changes);
  }

  /** The prompts without an edit. A prompt that changed since then stays: a phone of the class wrote it. */
  promptsBack(before, edited) {
    if (!edited) return {};
    return { prompts: this.get("prompts").map((prompt, i) => (prompt === edited[i] ? before[i] : prompt)) };
  }

  remember(back) {
    this.past = [...this.past, back].slice(-UNDOS);
  }

  /** Take back the last change of prompts, text or seed, or the session that was opened last. */
  undo() {
    const back = this.past.pop();
    if (!back) return this.say("There is nothing to undo.");
    back();
    this.tell("change");
  }

  /** On a page of its own the first piece is made ahead, again if a control moves before it is heard. */
  renewSoon() {
    const { band } = this;
    if (!this.get("page") || band.held || band.playing || band.now > 0) return;
    clearTimeout(this.renewal);
    this.renewal = setTimeout(() => {
      if (band.playing || band.now > 0) return;
      if (band.end || band.asked !== null) this.restart();
      band.prepare();
    }, SETTLED);
  }

  tell(event, detail = null) {
    this.dispatchEvent(new CustomEvent(event, { detail }));
  }

  say(text, wrong = false) {
    this.words = { text, wrong };
    this.tell("words");
  }

  // --- the dot --------------------------------------------------------------------------------

  /** Move the dot; 0 to 1 on both axes. */
  moveTo(x, y) {
    const within = (v) => Math.round(1000 * Math.max(0, Math.min(1, v))) / 1000;
    this.set({ x: within(x), y: within(y) });
  }

  /** How much of each corner is in what is played: lower left, lower right, upper left, upper right. */
  get shares() {
    const [x, y] = [this.get("x"), this.get("y")];
    return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
  }

  // --- playing --------------------------------------------------------------------------------

  toggle() {
    if (this.band.playing) this.band.pause();
    else {
      this.say("");
      this.band.play();
    }
  }

  restart() {
    const was = this.band.playing;
    this.begin();
    this.send({ type: "restart" });
    if (was) this.band.play();
    else if (this.get("page")) this.band.prepare();
  }

  /** Start afresh; a recording is handed out first. */
  begin() {
    if (this.band.tape) this.record();
    this.band.begin();
  }

  /** Open a session. The music goes on until Python has accepted it, but asks for no piece in between:
      it would be one of the session's. */
  restore(session) {
    clearTimeout(this.renewal);
    this.touched = {};
    this.band.held = true;
    this.send({ type: "restore", session });
  }

  restored({ pieces, before }) {
    if (before) this.remember(() => this.restore(before));
    if (this.band.end) this.begin();
    const next = this.band.playing ? "" : " Press play.";
    this.say(`The session has ${pieces} pieces. They are replayed, and then the music continues.${next}`);
    this.goOn();
  }

  /** Ask for pieces again. A restart here would end the replay. */
  goOn() {
    clearTimeout(this.renewal);
    this.band.held = false;
    if (this.get("page")) this.band.prepare();
  }

  async open(file) {
    this.restore(await file.text());
  }

  /** Seconds on the tape. */
  get taped() {
    return this.band.tape ? (this.band.now - this.band.tape.from) / RATE : 0;
  }

  /** Begin to record, or end it and hand out the file. */
  async record() {
    if (!this.band.tape) {
      this.band.startTape();
      return this.tell("change");
    }
    const stopped = this.band.stopTape();
    this.tell("change");
    const channels = await stopped;
    if (channels[0].length < RATE / 100) return this.say("Nothing was played during the recording.", true);
    this.tell("file", { blob: wavFile(channels, this.recordText()), name: "riffedu-live.wav" });
    this.say(`Recorded ${clock(channels[0].length / RATE)}.`);
  }

  /** How a recording was made: the controls as they stand now, for `riffedu show`. */
  recordText() {
    const shown = CONTROLS.filter((name) => name !== "seed_sound").map((name) => [name, this.get(name)]);
    const { prompts: prompt, width: stereo, ...others } = Object.fromEntries(shown);
    const wide = stereo ? { stereo } : {};
    const text = JSON.stringify({ riffedu: this.get("version") ?? "", verb: "live", prompt, ...others, ...wide });
    return text.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }

  /** A sound from outside for pieces to begin from. */
  async bring(file) {
    try {
      this.say(`Reading ${file.name} …`);
      let channels = await decoded(file);
      const long = channels[0].length > LONGEST_DROP * RATE;
      if (channels.length > 1) channels = [channels[0].map((v, i) => (v + channels[1][i]) / 2)];
      const bytes = interleaved([channels[0].subarray(0, LONGEST_DROP * RATE)]);
      this.note = long ? ` Only the first minute of its ${clock(channels[0].length / RATE)} is used.` : "";
      this.send({ type: "sound", name: file.name }, [new DataView(bytes.buffer)]);
    } catch (error) {
      this.say(error.message, true);
    }
  }

  // --- Python ---------------------------------------------------------------------------------

  /** Ask for a piece. What was moved here goes along, as it may be on its way still. */
  ask(run, number) {
    const controls = this.touched;
    this.touched = {};
    this.send({ type: "next", run, number, controls });
  }

  send(content, buffers) {
    try {
      this.model.send(content, undefined, buffers);
    } catch {
      this.band.pause();
      this.say("The connection is lost: run the cell again, or start riffedu again.", true);
    }
  }

  told(content, buffers) {
    const answers = {
      piece: () => this.take(content, buffers),
      wrong: () => {
        this.say(content.message, true);
        this.failed = content.of === "next";
        if (this.failed) this.band.refused(content.run);
        if (content.of === "xray") this.tell("xray");
        if (content.of === "restore") this.goOn();
      },
      unknown: () => this.say(content.message, true),
      brought: () => this.say(`Every piece now begins from ${content.name}.${this.note || ""}`),
      restored: () => this.restored(content),
      session: () => this.tell("session", content),
      xray: () => this.tell("xray", content),
    };
    answers[content.type]?.();
  }

  /** Keep a piece in the lab book. */
  keep(samples, { pixels, rows, columns }, { words, record }) {
    clipStore().add({ kind: "piece", label: words, record: record ?? "{}", samples, channels: 1, pixels, rows, columns });
  }

  take(content, [sound, pixels]) {
    try {
      if (sound.byteLength % 2) throw new Error("The piece's sound has half a sample too many.");
      const samples = new Int16Array(sound.buffer.slice(sound.byteOffset, sound.byteOffset + sound.byteLength));
      const picture = new SpectrogramPicture(pixels, content.rows, content.columns);
      if (content.run === this.band.run && this.failed) this.say("");
      this.failed = false;
      this.band.add(samples, picture, content);
      this.keep(samples.slice(0, samples.length - content.after), picture, content);
      this.tell("piece", content);
    } catch (error) {
      this.say(error.message, true);
      this.band.refused(content.run);
    }
  }
}
