/* The live instrument: a pad, what to play, and the last minute of it. */

const BEFORE = 50; // seconds of the past in view
const BEHIND = 10; // and of what is ready
const LONGEST_TAPE = 30 * 60;
const LONGEST_DROP = 60;
const LONGEST_LINK = 8000; // characters
const CORNERS = ["Lower left", "Lower right", "Upper left", "Upper right"];
const COLOURS = ["#0072b2", "#009e73", "#cc79a7", "#e69f00"]; // told apart by eyes of every kind

class InstrumentView {
  constructor(model, root) {
    [this.model, this.root] = [model, root];
    this.band = new Band((run, number) => this.ask(run, number));
    this.abort = new AbortController();
    this.touched = {}; // controls moved here since the last piece was asked for
    this.build();
    this.listen();
    this.follow();
    this.openLink();
  }

  get(name) {
    return this.model.get(name);
  }

  set(changes) {
    Object.assign(this.touched, changes);
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
    this.follow();
  }

  get controls() {
    const names = ["prompts", "x", "y", "text", "seed", "steps", "guidance_scale", "strength", "seed_sound"];
    return Object.fromEntries(names.map((name) => [name, this.get(name)]));
  }

  // --- the page -------------------------------------------------------------------------------

  build() {
    const { root } = this;
    root.classList.add("riffedu", "riffedu-instrument");
    keepKeys(root, this.abort.signal);
    root.instrument = this;
    this.corners = CORNERS.map((name, i) =>
      el("input", { type: "text", className: `riffedu-corner riffedu-corner-${i}`, ariaLabel: `Prompt, ${name.toLowerCase()} corner`, title: `${name}: what to play there`, spellcheck: false, maxLength: 300,
        onchange: () => this.set({ prompts: this.corners.map((c, k) => c.value.trim() || this.get("prompts")[k]) }) }),
    );
    this.pad = el("canvas", { tabIndex: 0, className: "riffedu-pad" });
    this.pad.setAttribute("role", "application");
    this.text = el("input", { type: "text", className: "riffedu-words", placeholder: "or say what to play next …", ariaLabel: "Text that takes the place of the pad from the next piece on", maxLength: 300, spellcheck: false, onchange: () => this.set({ text: this.text.value }) });
    this.clearText = press("✕", "Back to the pad", () => this.set({ text: "" }));
    this.number = (name, words, min, max, step) =>
      el("input", { type: "number", min, max, step, title: words, ariaLabel: words, onchange: (event) => {
        const value = Math.min(max, Math.max(min, Number(event.target.value)));
        if (Number.isFinite(value)) this.set({ [name]: step === 1 ? Math.round(value) : value });
        else this.follow();
      } });
    this.seed = this.number("seed", "Seed: the same seed and moves give the same music", 0, 2 ** 31 - 1, 1);
    this.dice = press("⚄", "Another seed, and begin anew", () => (this.set({ seed: Math.floor(Math.random() * 10000) }), this.restart()));
    this.guidance = this.slider("guidance_scale", "Guidance: how far the words pull", 0, 12, 0.5);
    this.strength = this.slider("strength", "Strength: how far a piece may leave its seed sound", 0, 1, 0.01);
    this.steps = this.slider("steps", "Steps: more are finer and slower", 2, 25, 1);
    this.sounds = el("select", { ariaLabel: "Seed sound: what every piece begins from", title: "Seed sound: what every piece begins from", onchange: () => this.set({ seed_sound: this.sounds.value }) });
    this.file = el("input", { type: "file", accept: "audio/*", hidden: true, onchange: () => this.file.files[0] && this.drop(this.file.files[0]) });
    this.pick = press("file …", "A sound of your own to begin from: pick it, or drop it anywhere here", () => this.file.click());
    this.playButton = press("▶", "Play (Space)", () => this.toggle(), { className: "riffedu-play" });
    this.again = press("↺ restart", "Begin anew from the seed", () => this.restart());
    this.recordButton = press("● record", "Record to a WAV file", () => this.record(), { className: "riffedu-record" });
    this.opener = el("input", { type: "file", accept: ".json,application/json", hidden: true, onchange: () => this.opener.files[0] && this.openSession(this.opener.files[0]) });
    this.saver = press("save", "Save the session: every control and every piece so far", () => this.handOut("file"));
    this.loader = press("open", "Open a session: it plays again as it was, then goes on", () => this.opener.click());
    this.linker = press("copy link", "A link that opens this page with this session", () => this.handOut("link"));
    this.sound = volumeAndMeter();
    this.facts = el("output", { className: "riffedu-facts" });
    this.queue = el("div", { className: "riffedu-queue", role: "img" });
    this.scroll = el("canvas", { className: "riffedu-scroll" });
    this.scroll.setAttribute("role", "img");
    this.scroll.setAttribute("aria-label", "The spectrogram of the last fifty seconds, and of what is ready");
    this.status = el("div", { className: "riffedu-status", role: "status" });
    const row = (label, ...nodes) => el("label", { className: "riffedu-setting" }, el("span", {}, label), ...nodes);
    const [lowerLeft, lowerRight, upperLeft, upperRight] = this.corners;
    root.append(
      el("div", { className: "riffedu-top" },
        el("div", { className: "riffedu-square" }, upperLeft, upperRight, this.pad, lowerLeft, lowerRight),
        el("div", { className: "riffedu-settings" },
          el("div", { className: "riffedu-say" }, this.text, this.clearText),
          row("Seed", this.seed, this.dice), row("Guidance", ...this.guidance), row("Steps", ...this.steps),
          row("Seed sound", this.sounds, this.pick), row("Strength", ...this.strength),
          el("div", { className: "riffedu-session" }, "Session", this.saver, this.loader, this.linker),
        ),
      ),
      el("div", { className: "riffedu-row" }, this.playButton, this.again, this.recordButton, ...this.sound.nodes, this.queue, this.facts),
      this.scroll, this.status, this.file, this.opener,
    );
    for (const [name, words] of this.get("seed_sounds")) this.sounds.append(el("option", { value: name }, words));
    this.scale = new FrequencyScale(this.get("frequencies"));
    this.linker.hidden = !this.get("page");
  }

  slider(name, words, min, max, step) {
    const said = el("output", {});
    const input = el("input", { type: "range", min, max, step, title: words, ariaLabel: words, oninput: () => this.set({ [name]: Number(input.value) }) });
    input.said = said;
    return [input, said];
  }

  listen() {
    const { signal } = this.abort;
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    this.names = Object.keys(this.controls);
    this.onchange = () => this.follow();
    this.names.forEach((name) => this.model.on(`change:${name}`, this.onchange));
    this.onmessage = (content, buffers) => this.told(content, buffers || []);
    this.model.on("msg:custom", this.onmessage);
    on(this.band, "change", () => this.redraw());
    on(this.band, "lost", () => this.say("No new piece came for half a minute, so the music stopped. Is the kernel running? Press play to try again.", true));
    on(this.pad, "pointerdown", (event) => this.grab(event));
    on(this.pad, "keydown", (event) => this.key(event));
    on(this.root, "dragover", (event) => (event.preventDefault(), this.root.classList.add("riffedu-over")));
    on(this.root, "dragleave", () => this.root.classList.remove("riffedu-over"));
    on(this.root, "drop", (event) => {
      event.preventDefault();
      this.root.classList.remove("riffedu-over");
      const file = event.dataTransfer.files[0];
      if (file) file.name.endsWith(".json") ? this.openSession(file) : this.drop(file);
    });
    on(this.root, "keydown", (event) => {
      if (event.key === " " && !["INPUT", "SELECT", "BUTTON"].includes(event.target.tagName)) {
        event.preventDefault();
        this.toggle();
      }
    });
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.root);
  }

  close() {
    this.band.close();
    this.abort.abort();
    this.observer.disconnect();
    this.sound.close();
    this.names.forEach((name) => this.model.off(`change:${name}`, this.onchange));
    this.model.off("msg:custom", this.onmessage);
    cancelAnimationFrame(this.frame);
  }

  say(words, wrong = false) {
    this.status.textContent = words;
    this.status.classList.toggle("riffedu-wrong", wrong);
  }

  /** The controls as the model has them. */
  follow() {
    const c = this.controls;
    this.corners.forEach((input, i) => document.activeElement !== input && (input.value = c.prompts[i] ?? ""));
    if (document.activeElement !== this.text) this.text.value = c.text;
    this.seed.value = c.seed;
    for (const [[input], value, digits] of [[this.guidance, c.guidance_scale, 1], [this.strength, c.strength, 2], [this.steps, c.steps, 0]]) {
      input.value = value;
      input.said.textContent = value.toFixed(digits);
    }
    if (c.seed_sound === "file" && ![...this.sounds.options].some((o) => o.value === "file")) this.sounds.append(el("option", { value: "file" }, "your own sound"));
    this.sounds.value = c.seed_sound;
    this.strength[0].disabled = !c.seed_sound;
    this.clearText.hidden = !c.text;
    this.pad.classList.toggle("riffedu-aside", Boolean(c.text));
    this.redraw();
  }

  // --- hands ----------------------------------------------------------------------------------

  toggle() {
    if (this.band.playing) this.band.pause();
    else {
      this.say("");
      this.band.play();
    }
  }

  restart() {
    const was = this.band.playing;
    this.band.begin();
    this.send({ type: "restart" });
    if (was) this.band.play();
  }

  grab(event) {
    if (event.button) return;
    event.preventDefault();
    this.pad.focus({ preventScroll: true });
    this.pad.setPointerCapture(event.pointerId);
    const go = (e) => {
      const box = this.pad.getBoundingClientRect();
      const share = (v) => Math.round(1000 * Math.max(0, Math.min(1, v))) / 1000;
      this.set({ x: share((e.clientX - box.left - 12) / (box.width - 24)), y: share(1 - (e.clientY - box.top - 12) / (box.height - 24)) });
    };
    go(event);
    this.pad.onpointermove = go;
    this.pad.onpointerup = this.pad.onpointercancel = () => (this.pad.onpointermove = null);
  }

  key(event) {
    const by = event.shiftKey ? 0.2 : 0.05;
    const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowDown: [0, -by], ArrowUp: [0, by] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const within = (v) => Math.round(1000 * Math.max(0, Math.min(1, v))) / 1000;
    this.set({ x: within(this.get("x") + move[0]), y: within(this.get("y") + move[1]) });
  }

  record() {
    if (!this.band.tape) {
      this.band.startTape();
      this.recordButton.textContent = "■ stop";
      return this.redraw();
    }
    const channels = this.band.stopTape();
    this.recordButton.textContent = "● record";
    if (channels[0].length < RATE / 100) return this.say("Nothing was played while it recorded.", true);
    download(wavFile(channels), "riffedu-live.wav");
    this.say(`Recorded ${clock(channels[0].length / RATE)}.`);
  }

  async drop(file) {
    this.file.value = "";
    try {
      this.say(`Reading ${file.name} …`);
      let channels = await decoded(file);
      const long = channels[0].length > LONGEST_DROP * RATE;
      if (channels.length > 1) channels = [channels[0].map((v, i) => (v + channels[1][i]) / 2)];
      const bytes = interleaved([channels[0].subarray(0, LONGEST_DROP * RATE)]);
      this.note = long ? ` Of its ${clock(channels[0].length / RATE)} the first minute counts.` : "";
      this.send({ type: "sound", name: file.name }, [new DataView(bytes.buffer)]);
    } catch (error) {
      this.say(error.message, true);
    }
  }

  // --- sessions -------------------------------------------------------------------------------

  handOut(how) {
    this.send({ type: "session", how });
  }

  async openSession(file) {
    this.opener.value = "";
    this.restore(await file.text());
  }

  restore(session) {
    this.band.begin();
    this.send({ type: "restore", session });
  }

  async copyLink(session) {
    const told = JSON.parse(session);
    if (told.sound) return this.say("A link can't hold a sound of your own: save the session as a file.", true);
    const packed = await squeezed(session);
    if (packed.length > LONGEST_LINK) return this.say("This session has grown too long for a link: save it as a file.", true);
    const link = `${location.href.split("#")[0]}#session=${packed}`;
    history.replaceState(null, "", link);
    try {
      await navigator.clipboard.writeText(link);
      this.say("The link is in the clipboard, and in the address bar.");
    } catch {
      this.say("The link is in the address bar.");
    }
  }

  async openLink() {
    const packed = this.get("page") && new URLSearchParams(location.hash.slice(1)).get("session");
    if (!packed) return;
    try {
      this.restore(await unsqueezed(packed));
    } catch {
      this.say("The link's session is damaged, so the instrument begins anew.", true);
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
      this.say("The kernel is gone: run the cell again.", true);
    }
  }

  told(content, buffers) {
    const answers = {
      piece: () => this.take(content, buffers),
      wrong: () => {
        this.say(content.message, true);
        if (content.of === "next") this.band.refused(content.run);
      },
      brought: () => this.say(`Every piece now begins from ${content.name}.${this.note || ""}`),
      restored: () => this.say(`The session has ${content.pieces} pieces; they play again as they were, then it goes on. Press play.`),
      session: () => (content.how === "link" ? this.copyLink(content.session) : download(new Blob([content.session], { type: "application/json" }), "riffedu-session.json")),
    };
    answers[content.type]?.();
  }

  take(content, [sound, pixels]) {
    try {
      if (sound.byteLength % 2) throw new Error("The piece's sound has half a sample too many.");
      const samples = new Int16Array(sound.buffer.slice(sound.byteOffset, sound.byteOffset + sound.byteLength));
      const picture = new SpectrogramPicture(pixels, content.rows, content.columns);
      if (content.run === this.band.run && this.status.classList.contains("riffedu-wrong")) this.say("");
      this.band.add(samples, picture, content);
      this.root.dataset.made = content.number;
      this.root.dataset.place = content.place.join(" ");
    } catch (error) {
      this.say(error.message, true);
      this.band.refused(content.run);
    }
  }

  // --- drawing --------------------------------------------------------------------------------

  layout() {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    for (const canvas of [this.pad, this.scroll]) {
      if (!canvas.clientWidth) return;
      [canvas.width, canvas.height] = [canvas.clientWidth * ratio, canvas.clientHeight * ratio];
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.redraw();
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
      if (this.band.playing) this.redraw();
    });
  }

  draw() {
    const { band, root } = this;
    const part = band.partAt(band.heard * RATE);
    root.dataset.state = band.playing ? (band.waiting ? "waiting" : "playing") : "stopped";
    root.dataset.ahead = band.ahead.toFixed(2);
    root.dataset.repeats = band.repeats;
    root.dataset.number = part ? part.piece.number : -1;
    this.playButton.textContent = band.playing ? "❚❚" : "▶";
    this.playButton.title = band.playing ? "Pause (Space)" : "Play (Space)";
    this.playButton.setAttribute("aria-label", this.playButton.title);
    this.sound.update(band.playing);
    this.drawPad(part);
    this.drawScroll();
    this.drawQueue(part);
    if (band.tape && band.now - band.tape.from > LONGEST_TAPE * RATE) this.record();
  }

  drawPad(part) {
    const pen = this.pad.getContext("2d");
    const [width, height] = [this.pad.clientWidth, this.pad.clientHeight];
    const at = ([x, y]) => [12 + x * (width - 24), height - 12 - y * (height - 24)];
    const style = getComputedStyle(this.root);
    pen.clearRect(0, 0, width, height);
    pen.strokeStyle = style.getPropertyValue("--riffedu-line");
    pen.strokeRect(12.5, 12.5, width - 25, height - 25);
    const [x, y] = [this.get("x"), this.get("y")];
    const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
    [pen.font, pen.textBaseline] = [`12px ${style.fontFamily}`, "middle"];
    [[0, 0], [1, 0], [0, 1], [1, 1]].forEach((corner, i) => {
      const [cx, cy] = at(corner);
      pen.fillStyle = COLOURS[i];
      pen.globalAlpha = 0.85;
      pen.beginPath();
      pen.arc(cx, cy, 4 + 7 * Math.sqrt(shares[i]), 0, 7);
      pen.fill();
      pen.globalAlpha = 1;
      pen.fillStyle = style.color;
      pen.textAlign = corner[0] ? "right" : "left";
      pen.fillText(`${Math.round(100 * shares[i])} %`, cx + (corner[0] ? -16 : 16), cy + (corner[1] ? 12 : -12));
    });
    const places = this.band.parts.filter((p) => !p.repeat).map((p) => at(p.piece.place));
    [pen.strokeStyle, pen.fillStyle, pen.lineWidth] = ["#888", "#888", 1];
    pen.beginPath();
    places.forEach(([px, py], i) => (i ? pen.lineTo(px, py) : pen.moveTo(px, py)));
    pen.stroke();
    places.forEach(([px, py]) => pen.fillRect(px - 2, py - 2, 4, 4));
    if (part) {
      const [px, py] = at(part.piece.place);
      [pen.strokeStyle, pen.lineWidth] = [style.color, 2];
      pen.beginPath();
      pen.arc(px, py, 9, 0, 7);
      pen.stroke();
    }
    const [dx, dy] = at([x, y]);
    pen.fillStyle = "#d55e00";
    pen.beginPath();
    pen.arc(dx, dy, 8, 0, 7);
    pen.fill();
    const prompts = this.get("prompts");
    const words = shares.map((s, i) => `${Math.round(100 * s)} percent ${prompts[i]}`).join(", ");
    this.pad.setAttribute("aria-label", `Pad. Arrow keys move the dot. Now ${words}.`);
  }

  drawScroll() {
    const pen = this.scroll.getContext("2d");
    const [width, height] = [this.scroll.clientWidth, this.scroll.clientHeight];
    const [left, tall] = [40, height - 18];
    const wide = width - left - 4;
    const style = getComputedStyle(this.root);
    const heard = this.band.heard;
    const from = heard - BEFORE;
    const across = (t) => left + (wide * (t - from)) / (BEFORE + BEHIND);
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = "#fff";
    pen.fillRect(left, 0, wide, tall);
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, wide, tall);
    pen.clip();
    for (const part of this.band.parts) {
      const [begin, end] = [part.at / RATE, (part.at + part.length) / RATE];
      if (end < from || begin > heard + BEHIND) continue;
      part.picture.draw(pen, (100 * part.first) / RATE, (100 * (part.first + part.length)) / RATE, across(begin), 0, across(end) - across(begin), tall);
      pen.fillStyle = part.repeat ? "rgba(213, 94, 0, 0.25)" : begin > heard ? "rgba(0, 114, 178, 0.12)" : "rgba(0, 0, 0, 0)";
      pen.fillRect(across(begin), 0, across(end) - across(begin), tall);
      pen.fillStyle = "rgba(128, 128, 128, 0.5)";
      pen.fillRect(across(begin), 0, 1, tall);
    }
    pen.fillStyle = "#d55e00";
    pen.fillRect(across(heard) - 1, 0, 2, tall);
    pen.restore();
    pen.strokeStyle = style.getPropertyValue("--riffedu-line");
    pen.strokeRect(left + 0.5, 0.5, wide - 1, tall - 1);
    [pen.fillStyle, pen.font, pen.textBaseline, pen.textAlign] = [style.color, `11px ${style.fontFamily}`, "middle", "right"];
    for (const { f, text } of this.scale.ticks(tall)) {
      pen.fillText(f === 0 ? "0 Hz" : text, left - 5, Math.max(6, Math.min(tall - 6, tall * (1 - this.scale.height(f)))));
    }
    [pen.textBaseline, pen.textAlign] = ["top", "center"];
    for (let t = -BEFORE; t <= BEHIND; t += 10) {
      const label = t === 0 ? "now" : t < 0 ? `−${-t} s` : `+${t} s`;
      pen.textAlign = t === BEHIND ? "right" : t === -BEFORE ? "left" : "center";
      pen.fillText(label, across(heard + t), tall + 4);
    }
  }

  drawQueue(part) {
    const { band } = this;
    const ready = band.parts.filter((p) => p.at / RATE > band.heard).length;
    const making = band.asked !== null;
    const rate = part ? part.length / RATE / band.took : 0;
    const facts = [];
    if (band.waiting) facts.push("making the first piece …");
    else if (part) {
      facts.push(`piece ${part.piece.number + 1}: ${part.piece.words.slice(0, 40)}`);
      facts.push(`${Math.max(0, band.ahead).toFixed(1)} s ahead${making ? ", making more" : ""}`);
      if (!part.repeat || rate) facts.push(`${rate.toFixed(1)}× real time`);
    }
    if (part?.repeat) facts.push("late: repeating in time");
    if (part?.piece.waiting) facts.push(`${part.piece.waiting} more wait for the model`);
    if (band.tape) facts.push(`recording ${clock((band.now - band.tape.from) / RATE)}`);
    const said = facts.join(" · ");
    if (this.facts.textContent !== said) this.facts.textContent = said;
    const key = `${ready} ${making}`;
    if (this.queue.dataset.key === key) return;
    this.queue.dataset.key = key;
    this.queue.setAttribute("aria-label", `${ready} pieces ready${making ? ", one in the making" : ""}`);
    this.queue.title = this.queue.getAttribute("aria-label");
    this.queue.replaceChildren(...Array.from({ length: ready }, () => el("i", {})), ...(making ? [el("i", { className: "riffedu-making" })] : []));
  }
}

/** Text as a short piece of an address, and back. */
async function squeezed(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const letters = Array.from(bytes, (b) => String.fromCharCode(b)).join("");
  return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function unsqueezed(packed) {
  const letters = atob(packed.replace(/-/g, "+").replace(/_/g, "/"));
  const bytes = Uint8Array.from(letters, (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

function render({ model, el: root }) {
  const view = new InstrumentView(model, root);
  return () => view.close();
}

export default { render };
