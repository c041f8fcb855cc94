/* The page of an instrument: its elements, what its buttons, fields and sliders do, and what they show. */

const CORNERS = ["Lower left", "Lower right", "Upper left", "Upper right"];
const INSTRUMENT_KEYS = [
  ["Space", "play, pause"],
  ["← → ↑ ↓", "on the pad: move the dot, with Shift farther"],
  ["← → ↑ ↓", "on the moving picture: look inside the next place"],
  ["Ctrl Z", "undo the last change of prompts, text, seed or session"],
  ["?", "show or hide this list"],
];
const LONGEST_PROMPT = 300;
const STRANGE = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]|\p{Extended_Pictographic}/u;

/** So many different values of a list, at random. */
function drawn(values, count) {
  const left = [...values];
  return Array.from({ length: count }, () => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

class InstrumentPage {
  constructor(root, state) {
    [this.root, this.state] = [root, state];
    this.buildSettings();
    this.buildRow();
    this.compose();
  }

  // --- its elements ---------------------------------------------------------------------------

  /** The pad, its prompts, and what stands beside it. */
  buildSettings() {
    const { state } = this;
    const choices = state.get("choices"); // where no text encoder can read other prompts
    const ideas = choices ?? state.get("ideas");
    this.ideas = el("datalist", { id: `riffedu-ideas-${Math.random().toString(36).slice(2)}` }, ...ideas.map((value) => el("option", { value })));
    this.otherPrompts = press("⚄ prompts", "Four other prompts, drawn at random", () => state.replace({ prompts: drawn(ideas, 4) }));
    this.undo = press("↶", "Undo the last change of prompts, text, seed or session (Ctrl Z)", () => state.undo());
    this.corners = CORNERS.map((name, i) =>
      el(choices ? "select" : "input", { ...(choices ? {} : { type: "text" }), className: `riffedu-corner riffedu-corner-${i}`, ariaLabel: `Prompt, ${name.toLowerCase()} corner`, title: `${name}: what to play there`, spellcheck: false, list: this.ideas.id, maxLength: LONGEST_PROMPT, onpaste: (event) => this.tooLong(event),
        onchange: () => {
          const typed = this.corners[i].value.trim();
          const prompts = state.get("prompts").map((prompt, k) => (k === i ? typed || prompt : prompt));
          this.corners[i].value = prompts[i];
          this.readable(prompts[i]);
          state.replace({ prompts });
        } }, ...(choices ?? []).map((prompt) => el("option", { value: prompt }, prompt))),
    );
    this.pad = el("canvas", { tabIndex: 0, className: "riffedu-pad" });
    this.pad.setAttribute("role", "application");
    this.help = keyHelp(INSTRUMENT_KEYS);
    this.pad.setAttribute("aria-describedby", this.help.list.id);
    this.text = el("input", { type: "text", className: "riffedu-words", placeholder: "or say what to play next …", ariaLabel: "Text that takes the place of the pad from the next piece on", maxLength: LONGEST_PROMPT, spellcheck: false, onpaste: (event) => this.tooLong(event),
      onchange: () => {
        this.text.value = this.text.value.trim();
        this.readable(this.text.value);
        state.replace({ text: this.text.value });
      } });
    this.clearText = press("✕", "Back to the pad", () => state.replace({ text: "" }));
    this.seed = this.number("seed", "Seed: the same seed and moves give the same music", 0, 2 ** 31 - 1);
    this.dice = press("⚄", "Start again with another seed", () => (state.replace({ seed: Math.floor(Math.random() * 10000) }), state.restart()));
    this.guidance = this.slider("guidance_scale", "Guidance: how strongly the prompt steers", 0, 12, 0.5);
    this.strength = this.slider("strength", "Strength: how far a piece may depart from its seed sound", 0, 1, 0.01);
    this.steps = this.slider("steps", "Steps: more is finer but slower", 2, 25, 1);
    this.width = this.slider("width", "Stereo width, takes effect at once: 0 is mono; mixed down to mono, every width sounds the same", 0, 1, 0.05);
    this.sounds = el("select", { ariaLabel: "Seed sound: what every piece begins from", title: "Seed sound: what every piece begins from", onchange: () => state.set({ seed_sound: this.sounds.value }) });
    for (const [name, words] of state.get("seed_sounds")) this.sounds.append(el("option", { value: name }, words));
    this.file = this.picker("audio/*", (file) => state.bring(file));
    this.pick = press("file …", "A sound of your own to begin from: pick it, or drop it anywhere here", () => this.file.click());
    this.opener = this.picker(".json,application/json", (file) => state.open(file));
    this.saver = press("save", "Save the session: every control and every piece so far", () => state.send({ type: "session", how: "file" }));
    this.loader = press("open", "Open a session: it plays again as it was, then goes on", () => this.opener.click());
    this.linker = press("copy link", "A link that opens this page with this session", () => state.send({ type: "session", how: "link" }));
    this.linker.hidden = !state.get("page");
  }

  /** What plays and records, and the last minute of it. */
  buildRow() {
    const { state } = this;
    this.playButton = press("▶", "Play (Space)", () => state.toggle(), { className: "riffedu-play" });
    this.again = press("↺ restart", "Restart from the seed", () => state.restart());
    this.recordButton = press("● record", "Record to a WAV file", () => state.record(), { className: "riffedu-record" });
    this.sound = volumeAndMeter();
    this.facts = el("output", { className: "riffedu-facts" });
    this.queue = el("div", { className: "riffedu-queue", role: "img" });
    this.scroll = el("canvas", { tabIndex: 0, className: "riffedu-scroll", title: "Touch a place to see which words, step and latents drew it" });
    this.scroll.setAttribute("role", "application");
    this.scroll.setAttribute("aria-label", "The spectrogram of the last fifty seconds, and of what is ready. Use the arrow keys to look inside.");
    this.book = new LabBook((...words) => state.say(...words), state.get("page"));
    this.status = el("div", { className: "riffedu-status", role: "status" });
  }

  compose() {
    const row = (label, ...nodes) => el("label", { className: "riffedu-setting" }, el("span", {}, label), ...nodes);
    const [lowerLeft, lowerRight, upperLeft, upperRight] = this.corners;
    this.root.classList.add("riffedu", "riffedu-instrument");
    this.root.append(
      el("div", { className: "riffedu-top" },
        el("div", { className: "riffedu-square" }, upperLeft, upperRight, this.pad, lowerLeft, lowerRight),
        el("div", { className: "riffedu-settings" },
          el("div", { className: "riffedu-say" }, this.text, this.clearText, this.otherPrompts, this.undo, this.ideas),
          row("Seed", this.seed, this.dice), row("Guidance", ...this.guidance), row("Steps", ...this.steps),
          row("Seed sound", this.sounds, this.pick), row("Strength", ...this.strength), row("Width", ...this.width),
          el("div", { className: "riffedu-session" }, "Session", this.saver, this.loader, this.linker),
        ),
      ),
      el("div", { className: "riffedu-row" }, this.playButton, this.again, this.recordButton, ...this.sound.nodes, this.help.button, this.queue, this.facts),
      this.help.list, this.scroll, this.status, this.book.root, this.file, this.opener,
    );
  }

  /** Say so if what is pasted is cut off. */
  tooLong(event) {
    const length = (event.clipboardData?.getData("text").length ?? 0) + event.target.value.length;
    if (length > LONGEST_PROMPT) this.state.say(`A prompt has at most ${LONGEST_PROMPT} characters; the rest was left out.`, true);
  }

  /** Say so if the model cannot read a prompt. */
  readable(prompt) {
    if (STRANGE.test(prompt)) this.state.say(`The model reads English words only: “${prompt.slice(0, 30)}” gives an arbitrary result.`, true);
  }

  number(name, words, min, max) {
    return el("input", { type: "number", min, max, step: 1, title: words, ariaLabel: words, onchange: (event) => {
      const value = Math.min(max, Math.max(min, Number(event.target.value)));
      if (Number.isFinite(value)) this.state.replace({ [name]: Math.round(value) });
      else this.showControls();
    } });
  }

  slider(name, words, min, max, step) {
    const input = el("input", { type: "range", min, max, step, title: words, ariaLabel: words, oninput: () => this.state.set({ [name]: Number(input.value) }) });
    return [input, el("output")];
  }

  /** A hidden field that asks for a file. */
  picker(accept, action) {
    const input = el("input", { type: "file", accept, hidden: true, onchange: () => {
      const [file] = input.files;
      input.value = ""; // so that the same file can be picked again
      if (file) action(file);
    } });
    return input;
  }

  // --- what they show -------------------------------------------------------------------------

  say({ text, wrong }) {
    this.status.textContent = text;
    this.status.classList.toggle("riffedu-wrong", wrong);
  }

  showControls() {
    const get = (name) => this.state.get(name);
    this.corners.forEach((input, i) => document.activeElement !== input && (input.value = get("prompts")[i] ?? ""));
    if (document.activeElement !== this.text) this.text.value = get("text");
    this.seed.value = get("seed");
    const show = ([input, said], value, digits) => {
      input.value = value;
      said.textContent = value.toFixed(digits);
    };
    show(this.guidance, get("guidance_scale"), 1);
    show(this.strength, get("strength"), 2);
    show(this.steps, get("steps"), 0);
    show(this.width, get("width"), 2);
    const ownSound = [...this.sounds.options].some((option) => option.value === "file");
    if (get("seed_sound") === "file" && !ownSound) this.sounds.append(el("option", { value: "file" }, "your own sound"));
    this.sounds.value = get("seed_sound");
    this.strength[0].disabled = !get("seed_sound");
    this.undo.disabled = !this.state.past.length;
    this.clearText.hidden = !get("text");
    this.pad.classList.toggle("riffedu-aside", Boolean(get("text")));
  }

  showPiece({ number, place }) {
    this.root.dataset.made = number;
    this.root.dataset.place = place.join(" ");
  }

  /** How it stands now: `part` is what is heard. */
  showBand(part) {
    const { root, playButton } = this;
    const { band } = this.state;
    root.dataset.state = band.playing ? (band.waiting ? "waiting" : "playing") : "stopped";
    root.dataset.ahead = band.ahead.toFixed(2);
    root.dataset.repeats = band.repeats;
    root.dataset.number = part ? part.piece.number : -1;
    playButton.textContent = band.playing ? "❚❚" : "▶";
    playButton.title = band.playing ? "Pause (Space)" : "Play (Space)";
    playButton.setAttribute("aria-label", playButton.title);
    this.recordButton.textContent = band.tape ? "■ stop" : "● record";
    this.sound.update(band.playing);
    const facts = this.factsOf(part).join(" · ");
    if (this.facts.textContent !== facts) this.facts.textContent = facts;
    this.showQueue();
  }

  factsOf(part) {
    const { band, taped } = this.state;
    const facts = [];
    if (band.waiting) facts.push("making the first piece …");
    else if (part) {
      const rate = part.length / RATE / part.piece.took;
      facts.push(`piece ${part.piece.number + 1}: ${part.piece.words.slice(0, 80)}`);
      facts.push(`${Math.max(0, band.ahead).toFixed(1)} s ahead${band.asked !== null ? ", making more" : ""}`);
      if (part.piece.took > READY) facts.push(`${rate.toFixed(1)}× real time`);
    }
    if (part?.repeat) facts.push("late: repeating on the beat");
    if (part?.piece.waiting) facts.push(`${part.piece.waiting} other listeners waiting for the model`);
    if (band.tape) facts.push(`recording ${clock(taped)}`);
    return facts;
  }

  /** A block for each piece that is ready, and one for that in the making. */
  showQueue() {
    const { band } = this.state;
    const ready = band.parts.filter((p) => p.at / RATE > band.heard).length;
    const making = band.asked !== null;
    const key = `${ready} ${making}`;
    if (this.queue.dataset.key === key) return;
    this.queue.dataset.key = key;
    this.queue.setAttribute("aria-label", `${ready} ${ready === 1 ? "piece" : "pieces"} ready${making ? ", one in the making" : ""}`);
    this.queue.title = this.queue.getAttribute("aria-label");
    this.queue.replaceChildren(...Array.from({ length: ready }, () => el("i", {})), ...(making ? [el("i", { className: "riffedu-making" })] : []));
  }
}
