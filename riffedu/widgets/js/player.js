/* The spectrogram player: a picture that plays. */

const MARGIN = { left: 40, right: 8, top: 6, bottom: 20 };
const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];
const TOOLS = {
  select: ["⬚", "Select: drag a rectangle to hear only that time and band"],
  brush: ["●", "Brush: paint sound"],
  eraser: ["○", "Eraser: make silence"],
  line: ["╱", "Line: drag a tone or a glide"],
  harmonics: ["☰", "Overtones: drag a note with eight overtones"],
  stamp: ["▣", "Stamp: lay down the selected rectangle where you press"],
};
const KEYS =
  "Space plays and pauses, arrow keys seek (with Shift by a second), Home and End, L loops, " +
  "[ and ] change speed, + and − zoom, 0 shows all, B switches A and B, I and O set where a " +
  "selection begins and ends, U and J raise its lower edge and lower its upper edge, " +
  "Shift with U and J widens it again, Escape drops it.";

class PlayerView {
  constructor(model, root) {
    [this.model, this.root] = [model, root];
    this.transport = new Transport();
    this.tool = "select";
    this.undos = [];
    this.stroke = 0;
    this.pictures = [];
    this.view = [0, 1];
    this.abort = new AbortController();
    this.build();
    this.listen();
    this.load();
  }

  get(name) {
    return this.model.get(name);
  }

  // --- the page -------------------------------------------------------------------------------

  build() {
    const { root } = this;
    root.classList.add("riffedu", "riffedu-player");
    keepKeys(root, this.abort.signal);
    root.player = this;
    this.title = el("b");
    this.caption = el("span", { className: "riffedu-caption" });
    this.ab = press("A", "Switch between the two sounds (B)", () => this.choose(1 - this.transport.which), { className: "riffedu-ab" });
    this.canvas = el("canvas");
    this.over = el("canvas", { tabIndex: 0 });
    this.over.setAttribute("role", "slider");
    this.over.setAttribute("aria-valuemin", "0");
    this.stage = el("div", { className: "riffedu-stage" }, this.canvas, this.over);
    this.thumb = el("i");
    this.strip = el("div", { className: "riffedu-strip", title: "The part that is shown: drag to move it" }, this.thumb);
    this.playButton = press("▶", "Play (Space)", () => this.togglePlay(), { className: "riffedu-play" });
    this.time = el("output", { className: "riffedu-time" });
    this.loopButton = toggle("⟲", "Loop (L)", (on) => this.transport.set({ loop: on }));
    this.speedMenu = el(
      "select",
      { title: "Speed ([ and ])", "aria-label": "Speed", onchange: () => this.transport.set({ speed: Number(this.speedMenu.value) }) },
      ...SPEEDS.map((s) => el("option", { value: s, selected: s === 1 }, `${s}×`)),
    );
    this.pitchBox = el("input", { type: "checkbox", checked: true, onchange: () => this.transport.set({ keepPitch: this.pitchBox.checked }) });
    this.sound = volumeAndMeter();
    this.mapMenu = el(
      "select",
      { title: "Colours", "aria-label": "Colours", onchange: () => this.colour(this.mapMenu.value) },
      ...Object.keys(MAPS).map((name) => el("option", { value: name }, name)),
    );
    this.more = el(
      "details",
      { className: "riffedu-more" },
      el("summary", { title: "Zoom, colours, speed, files" }, "more"),
      el("span", {},
        press("–", "Zoom out (−)", () => this.zoom(2)), press("+", "Zoom in (+)", () => this.zoom(0.5)), press("↔", "Show all (0)", () => this.show(0, 1)),
        this.speedMenu, el("label", { title: "Off: slower is lower, as with a tape" }, this.pitchBox, " keep pitch"), this.mapMenu,
        press("WAV", "Download what is heard: the selection, filtered, or all", () => this.saveSound()), press("PNG", "Download the picture", () => this.savePicture())),
    );
    this.recordButton = press("● Record", "Record from the microphone", () => this.record(), { className: "riffedu-record" });
    this.tools = el("div", { className: "riffedu-tools", role: "toolbar", ariaLabel: "Painting" });
    this.status = el("div", { className: "riffedu-status", role: "status" });
    root.append(
      el("div", { className: "riffedu-head" }, this.title, this.ab, this.caption),
      this.stage, this.strip,
      el("div", { className: "riffedu-row" }, this.playButton, this.time, this.loopButton, ...this.sound.nodes, this.recordButton, this.more),
      this.tools, this.status,
    );
    this.buildTools();
  }

  buildTools() {
    this.toolButtons = Object.fromEntries(
      Object.entries(TOOLS).map(([name, [sign, words]]) => [name, toggle(sign, words, () => this.pick(name))]),
    );
    this.size = el("input", { type: "range", min: 3, max: 40, value: 10, ariaLabel: "Size of brush and eraser" });
    this.ink = el("input", { type: "range", min: -48, max: 0, value: -6, ariaLabel: "Level of the paint in decibels below black" });
    this.undoButton = press("↶", "Undo (Ctrl Z)", () => this.undo());
    this.hearBox = el("input", { type: "checkbox", checked: true });
    this.tools.append(
      ...Object.values(this.toolButtons),
      el("label", {}, "size ", this.size), el("label", {}, "level ", this.ink),
      this.undoButton, el("label", { title: "Play what changed when the pen is lifted" }, this.hearBox, " hear strokes"),
    );
    this.pick("select");
  }

  listen() {
    const { signal } = this.abort;
    const on = (target, name, action, options = {}) => target.addEventListener(name, action, { signal, ...options });
    this.watched = ["sound", "sound_b", "picture", "picture_b", "rows", "columns", "columns_b", "channels", "label", "label_b",
      "caption", "caption_b", "alt", "colour_map", "height", "paint", "record", "message", "stroke"];
    this.onchange = () => {
      this.due ??= requestAnimationFrame(() => {
        this.due = null;
        this.load();
      });
    };
    this.watched.forEach((name) => this.model.on(`change:${name}`, this.onchange));
    this.onloop = () => {
      const [loop, speed] = [this.get("loop"), this.get("speed")];
      if (loop !== this.transport.loop || speed !== this.transport.speed) this.transport.set({ loop, speed });
    };
    this.onselection = () => this.take(this.get("selection"));
    this.model.on("change:loop", this.onloop);
    this.model.on("change:speed", this.onloop);
    this.model.on("change:selection", this.onselection);
    on(this.transport, "change", () => this.told());
    on(this.over, "pointerdown", (event) => this.down(event));
    on(this.over, "pointermove", (event) => this.hover(event));
    on(this.over, "pointerleave", () => ((this.cursor = null), this.redraw()));
    on(this.over, "keydown", (event) => this.key(event));
    on(this.over, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.strip, "pointerdown", (event) => this.scroll(event));
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.stage);
  }

  close() {
    this.transport.hush(); // a view that is gone must not go on playing
    this.recorder?.stop();
    this.abort.abort();
    this.observer.disconnect();
    this.sound.close();
    this.watched.forEach((name) => this.model.off(`change:${name}`, this.onchange));
    this.model.off("change:loop", this.onloop);
    this.model.off("change:speed", this.onloop);
    this.model.off("change:selection", this.onselection);
    cancelAnimationFrame(this.frame);
  }

  say(words, wrong = false) {
    this.status.textContent = words;
    this.status.classList.toggle("riffedu-wrong", wrong);
  }

  // --- what Python sent -----------------------------------------------------------------------

  /** Take over what Python sent; what can't be right is said, and the old stays. */
  load() {
    this.root.dataset.loads = Number(this.root.dataset.loads || 0) + 1;
    this.title.textContent = this.get("label");
    this.stage.style.height = `${this.get("height")}px`;
    this.root.classList.toggle("riffedu-nothing", !this.get("picture").byteLength && !this.get("record") && !this.get("message"));
    this.tools.hidden = !this.get("paint");
    this.recordButton.hidden = !this.get("record");
    if (this.mapMenu.value !== this.get("colour_map")) this.mapMenu.value = this.get("colour_map");
    const named = (name) => [this.get(name), this.get(`${name}_b`)];
    try {
      const sent = named("sound");
      if (sent.some((bytes, i) => bytes !== this.bytes?.[i])) {
        const sounds = sent.filter((bytes) => bytes.byteLength).map((bytes) => channelsOf(bytes, this.get("channels")));
        this.bytes = sent;
        this.transport.setSounds(sounds);
      }
      if (this.changed && this.get("stroke") >= this.stroke) { // the last stroke is in the sound, or was refused
        const hear = this.hearBox.checked && !this.transport.playing && this.transport.duration && !this.get("message");
        if (hear) this.transport.play(Math.max(0, this.changed - 0.05));
        this.changed = null;
      }
      const [pixels, columns] = [named("picture"), named("columns")];
      if (pixels.some((bytes, i) => bytes !== this.pixels?.[i])) {
        const same = this.pictures[0]?.columns === columns[0];
        this.pictures = pixels
          .map((bytes, i) => [bytes, columns[i]])
          .filter(([bytes]) => bytes.byteLength)
          .map(([bytes, wide]) => new SpectrogramPicture(bytes, this.get("rows"), wide, this.mapMenu.value));
        this.pixels = pixels;
        this.undos = [];
        if (!same) this.view = [0, 1];
        this.root.dataset.pictures = Number(this.root.dataset.pictures || 0) + 1;
      }
      this.scale = new FrequencyScale(this.get("frequencies"));
      this.colour(this.mapMenu.value);
      this.say(this.get("message"), true);
    } catch (error) {
      this.say(`${error.message} Run the cell again.`, true);
    }
    this.onloop();
    this.onselection();
    this.told();
  }

  get step() {
    return this.get("step");
  }

  get seconds() {
    const picture = this.pictures[0];
    return Math.max(this.transport.duration, picture ? picture.columns * this.step : 0) || 1;
  }

  get shown() {
    return this.view.map((share) => share * this.seconds);
  }

  colour(name) {
    for (const picture of this.pictures) if (picture.map !== name) picture.colour(name);
    if (this.get("colour_map") !== name) {
      this.model.set("colour_map", name);
      this.model.save_changes();
    }
    this.layout();
  }

  choose(which) {
    if (this.transport.sounds.length < 2) return;
    this.transport.choose(which);
    this.layout();
  }

  take(selection) {
    const region = selection?.length === 4
      ? { from: selection[0], to: selection[1], low: selection[2] <= this.scale.edges[0] ? 0 : selection[2],
          high: selection[3] >= this.scale.edges.at(-1) ? Infinity : selection[3] }
      : null;
    if (JSON.stringify(region) !== JSON.stringify(this.transport.region)) this.transport.set({ region });
    this.selection = selection?.length === 4 ? selection : null;
    this.redraw();
  }

  select(selection) {
    this.model.set("selection", selection || []);
    this.model.save_changes();
    this.take(selection);
    if (!selection) return;
    const [from, to, low, high] = selection;
    this.say(`Selected: ${from.toFixed(2)} to ${to.toFixed(2)} s, ${low.toFixed(0)} to ${high.toFixed(0)} Hz. Click outside it, or press Escape, for all.`);
  }

  // --- drawing --------------------------------------------------------------------------------

  layout() {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const [width, height] = [this.stage.clientWidth, this.stage.clientHeight];
    if (!width) return;
    for (const canvas of [this.canvas, this.over]) {
      [canvas.width, canvas.height] = [width * ratio, height * ratio];
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.box = { x: MARGIN.left, y: MARGIN.top, width: Math.max(10, width - MARGIN.left - MARGIN.right), height: Math.max(10, height - MARGIN.top - MARGIN.bottom) };
    this.drawPicture();
    this.redraw();
  }

  drawPicture() {
    if (!this.box) return;
    const pen = this.canvas.getContext("2d");
    const { x, y, width, height } = this.box;
    const style = getComputedStyle(this.root);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    pen.fillStyle = this.mapMenu.value === "grey" ? "#fff" : "#888";
    pen.fillRect(x, y, width, height);
    const picture = this.pictures[this.transport.which] || this.pictures[0];
    const [from, to] = this.shown;
    if (picture) {
      pen.save();
      pen.beginPath();
      pen.rect(x, y, width, height);
      pen.clip();
      picture.draw(pen, from / this.step, to / this.step, x, y, width, height);
      pen.restore();
    }
    [pen.fillStyle, pen.strokeStyle, pen.font] = [style.color, style.color, `11px ${style.fontFamily}`];
    [pen.lineWidth, pen.globalAlpha] = [1, 0.5];
    pen.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
    pen.globalAlpha = 0.9;
    [pen.textAlign, pen.textBaseline] = ["right", "middle"];
    for (const { f, text } of this.scale.ticks(height)) {
      const at = y + height * (1 - this.scale.height(f));
      pen.fillRect(x - 4, at, 3, 1);
      pen.fillText(f === 0 ? "0 Hz" : text, x - 6, Math.max(y + 5, Math.min(y + height - 5, at)));
    }
    [pen.textAlign, pen.textBaseline] = ["center", "top"];
    const ticks = timeTicks(from, to, width / 70);
    ticks.forEach((t, i) => {
      const at = x + (width * (t - from)) / (to - from);
      pen.fillRect(at, y + height + 1, 1, 3);
      pen.textAlign = at > x + width - 14 ? "right" : "center";
      pen.fillText(i === 0 ? `${t} s` : `${t}`, at, y + height + 5);
    });
    pen.globalAlpha = 1;
    const whole = this.view[1] - this.view[0] > 0.999;
    this.strip.hidden = whole;
    this.thumb.style.left = `${100 * this.view[0]}%`;
    this.thumb.style.width = `${100 * (this.view[1] - this.view[0])}%`;
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.drawOver();
      if (this.transport.playing) this.redraw();
    });
  }

  /** What lies over the picture: the play line, the selection, the cursor's place, a line to be. */
  drawOver() {
    if (!this.box) return;
    const pen = this.over.getContext("2d");
    const { x, y, width, height } = this.box;
    pen.clearRect(0, 0, this.over.width, this.over.height);
    const position = this.transport.position;
    this.follow(position);
    const across = (t) => x + (width * (t - this.shown[0])) / (this.shown[1] - this.shown[0]);
    const up = (f) => y + height * (1 - this.scale.height(f));
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    const selection = this.rubber || this.selection;
    if (selection) {
      const [left, right, top, bottom] = [across(selection[0]), across(selection[1]), up(selection[3]), up(selection[2])];
      const frame = [left, top, right - left, bottom - top];
      pen.beginPath(); // a veil over what is not heard
      pen.rect(x, y, width, height);
      pen.rect(...frame);
      pen.fillStyle = this.mapMenu.value === "grey" ? "rgba(255, 255, 255, 0.5)" : "rgba(0, 0, 0, 0.45)";
      pen.fill("evenodd");
      for (const [colour, wide] of [["#fff", 4], ["#0072b2", 2]]) {
        [pen.strokeStyle, pen.lineWidth] = [colour, wide];
        pen.strokeRect(...frame);
      }
    }
    if (this.pen && this.pen.shape) {
      [pen.strokeStyle, pen.lineWidth] = ["#d55e00", 2];
      pen.beginPath();
      pen.moveTo(this.pen.start.x, this.pen.start.y);
      pen.lineTo(this.pen.now.x, this.pen.now.y);
      pen.stroke();
    }
    const at = across(position);
    pen.fillStyle = "#fff";
    pen.fillRect(at - 1.5, y, 3, height);
    pen.fillStyle = "#d55e00";
    pen.fillRect(at - 0.75, y, 1.5, height);
    pen.restore();
    this.drawCursor(pen);
    this.time.textContent = `${clock(position)} / ${clock(this.transport.duration)}`;
    this.root.dataset.position = position.toFixed(4);
    this.over.setAttribute("aria-valuenow", position.toFixed(2));
    this.over.setAttribute("aria-valuetext", `${position.toFixed(2)} of ${this.transport.duration.toFixed(2)} seconds`);
    this.sound.update(this.transport.playing);
  }

  drawCursor(pen) {
    if (!this.cursor) return;
    const { t, f, x, y } = { ...this.where(this.cursor), ...this.cursor };
    const words = `${t.toFixed(2)} s, ${f.toFixed(0)} Hz`;
    const wide = pen.measureText(words).width + 8;
    const left = Math.min(x + 10, this.box.x + this.box.width - wide);
    const top = Math.max(this.box.y, y - 22);
    pen.fillStyle = "rgba(255, 255, 255, 0.88)";
    pen.fillRect(left, top, wide, 16);
    [pen.fillStyle, pen.textAlign, pen.textBaseline] = ["#222", "left", "middle"];
    pen.fillText(words, left + 4, top + 8.5);
  }

  /** Turn the page when the play line leaves what is shown. */
  follow(position) {
    const [from, to] = this.shown;
    if (!this.transport.playing || this.dragging || (position >= from && position <= to)) return;
    const wide = this.view[1] - this.view[0];
    const left = Math.max(0, Math.min(1 - wide, position / this.seconds));
    this.show(left, left + wide);
  }

  show(from, to) {
    const wide = Math.min(1, Math.max(0.05 / this.seconds, to - from));
    from = Math.max(0, Math.min(1 - wide, from));
    this.view = [from, from + wide];
    this.drawPicture();
    this.redraw();
  }

  /** Show `factor` times as much, around a share of the width (the play line by default). */
  zoom(factor, around = null) {
    const [from, to] = this.view;
    const line = this.transport.position / this.seconds;
    const fixed = around !== null ? from + around * (to - from) : line >= from && line <= to ? line : (from + to) / 2;
    this.show(fixed - (fixed - from) * factor, fixed + (to - fixed) * factor);
  }

  /** The transport changed: buttons, traits and the play line follow. */
  told() {
    const { playing, loop, speed, sounds, which, duration } = this.transport;
    this.playButton.textContent = playing ? "❚❚" : "▶";
    this.playButton.title = playing ? "Pause (Space)" : "Play (Space)";
    this.playButton.setAttribute("aria-label", this.playButton.title);
    this.playButton.disabled = this.loopButton.disabled = !duration;
    pressed(this.loopButton, loop);
    this.speedMenu.value = speed;
    this.ab.hidden = sounds.length < 2;
    this.ab.textContent = which ? "A/B: B" : "A/B: A";
    this.ab.dataset.which = which;
    this.title.textContent = (which && this.get("label_b")) || this.get("label");
    this.caption.textContent = (which ? this.get("caption_b") : this.get("caption")) || "";
    this.over.setAttribute("aria-label", `${this.title.textContent}. ${this.get("alt")} ${KEYS}`);
    this.over.setAttribute("aria-valuemax", duration.toFixed(2));
    this.root.dataset.state = playing ? "playing" : duration ? "stopped" : "empty";
    if (this.get("loop") !== loop || this.get("speed") !== speed) {
      this.model.set("loop", loop);
      this.model.set("speed", speed);
      this.model.save_changes();
    }
    this.redraw();
  }

  // --- hands ----------------------------------------------------------------------------------

  togglePlay() {
    if (this.transport.playing) this.transport.stop();
    else this.transport.play();
  }

  point(event) {
    const box = this.over.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  /** A point of the page as seconds and hertz, and as column and row of the picture. */
  where({ x, y }) {
    const { box, shown, seconds } = this;
    const t = Math.max(0, Math.min(seconds, shown[0] + ((x - box.x) / box.width) * (shown[1] - shown[0])));
    const height = Math.max(0, Math.min(1, 1 - (y - box.y) / box.height));
    return { t, f: this.scale.hertz(height), column: t / this.step, row: (1 - height) * (this.pictures[0]?.rows || 1) };
  }

  hover(event) {
    if (event.pointerType === "touch") return;
    const at = this.point(event);
    const inside = at.x >= this.box.x && at.y >= this.box.y && at.y <= this.box.y + this.box.height;
    this.cursor = inside ? at : null;
    this.redraw();
  }

  down(event) {
    if (event.button || !this.box) return;
    event.preventDefault();
    this.over.focus({ preventScroll: true });
    this.over.setPointerCapture(event.pointerId);
    const start = this.point(event);
    const hand = this.tool === "select" ? this.selecting(start) : this.painting(start);
    this.dragging = true;
    const move = (e) => hand.move(this.point(e));
    const up = (e) => {
      this.dragging = false;
      this.over.removeEventListener("pointermove", move);
      this.over.removeEventListener("pointerup", up);
      this.over.removeEventListener("pointercancel", up);
      hand.end(this.point(e));
    };
    this.over.addEventListener("pointermove", move);
    this.over.addEventListener("pointerup", up);
    this.over.addEventListener("pointercancel", up);
  }

  /** A click seeks; a drag selects; below the picture it selects a time in every band. */
  selecting(start) {
    const a = this.where(start);
    const band = start.y > this.box.y + this.box.height;
    const [lowest, highest] = [this.scale.edges[0], this.scale.edges.at(-1)];
    const rectangle = (now) => {
      const b = this.where(now);
      const heights = band ? [lowest, highest] : [Math.min(a.f, b.f), Math.max(a.f, b.f)];
      return [Math.min(a.t, b.t), Math.max(a.t, b.t), ...heights];
    };
    const far = (now) => Math.abs(now.x - start.x) > 4 || (!band && Math.abs(now.y - start.y) > 4);
    return {
      move: (now) => {
        this.rubber = far(now) ? rectangle(now) : null;
        this.cursor = now;
        this.redraw();
      },
      end: (now) => {
        this.rubber = null;
        if (far(now)) {
          const [from, to, low, high] = rectangle(now);
          this.select([from, Math.max(to, from + 0.02), low, Math.max(high, low * 1.06 + 10)]);
          this.transport.play(from);
        } else {
          const s = this.selection;
          if (s && (a.t < s[0] || a.t > s[1])) this.select(null);
          this.transport.seek(a.t);
        }
      },
    };
  }

  key(event) {
    const { transport } = this;
    const control = event.ctrlKey || event.metaKey;
    const seek = event.shiftKey ? 1 : 0.1;
    const actions = {
      " ": () => this.togglePlay(),
      ArrowLeft: () => transport.seek(transport.position - seek),
      ArrowRight: () => transport.seek(transport.position + seek),
      Home: () => transport.seek(0),
      End: () => transport.seek(transport.duration),
      Escape: () => (this.select(null), this.say("")),
      l: () => transport.set({ loop: !transport.loop }),
      b: () => this.choose(1 - transport.which),
      "[": () => this.faster(-1),
      "]": () => this.faster(1),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.show(0, 1),
      i: () => this.edge(0),
      o: () => this.edge(1),
      u: () => this.edge(2, event.shiftKey ? 1 / 1.12 : 1.12),
      j: () => this.edge(3, event.shiftKey ? 1.12 : 1 / 1.12),
      z: () => control && this.undo(),
    };
    const action = actions[event.key] || actions[event.key.toLowerCase()];
    if (!action || (control && event.key !== "z")) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  /** The selection from the keyboard: its start, its end, its lower and its upper edge. */
  edge(which, factor = 1) {
    const [lowest, highest] = [this.scale.edges[0], this.scale.edges.at(-1)];
    const s = this.selection ? [...this.selection] : [0, this.transport.duration, lowest, highest];
    if (which < 2) s[which] = this.transport.position;
    else s[which] = Math.max(lowest, Math.min(highest, Math.max(50, s[which]) * factor));
    if (which === 2 && s[2] < 51) s[2] = lowest;
    if (s[1] - s[0] < 0.02 || s[3] <= s[2]) return this.say("A selection must end after it begins.", true);
    this.select(s);
  }

  faster(by) {
    const place = SPEEDS.indexOf(this.transport.speed) + by;
    if (SPEEDS[place]) this.transport.set({ speed: SPEEDS[place] });
  }

  wheel(event) {
    const across = Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : event.shiftKey ? event.deltaY : 0;
    if (!event.ctrlKey && !event.metaKey && !across) return; // the page scrolls
    event.preventDefault();
    const wide = this.view[1] - this.view[0];
    if (across) {
      const by = (wide * across) / this.box.width;
      this.show(this.view[0] + by, this.view[1] + by);
    } else {
      const share = (this.point(event).x - this.box.x) / this.box.width;
      this.zoom(2 ** (event.deltaY / 200), Math.max(0, Math.min(1, share)));
    }
  }

  scroll(event) {
    event.preventDefault();
    this.strip.setPointerCapture(event.pointerId);
    const box = this.strip.getBoundingClientRect();
    const go = (e) => {
      const wide = this.view[1] - this.view[0];
      const left = (e.clientX - box.left) / box.width - wide / 2;
      this.show(left, left + wide);
    };
    go(event);
    this.strip.onpointermove = go;
    this.strip.onpointerup = this.strip.onpointercancel = () => (this.strip.onpointermove = null);
  }

  // --- painting -------------------------------------------------------------------------------

  pick(name) {
    this.tool = name;
    Object.entries(this.toolButtons).forEach(([each, button]) => pressed(button, each === name));
    this.over.style.cursor = name === "select" ? "crosshair" : "cell";
  }

  get brush() {
    return { size: Number(this.size.value), ink: Number(this.ink.value), erase: this.tool === "eraser" };
  }

  painting(start) {
    const picture = this.pictures[0];
    if (!picture || !this.get("paint")) return { move() {}, end() {} };
    if (this.tool === "stamp" && !this.selection && !this.patch) {
      this.say("First select a rectangle; then the stamp lays it down where you press.", true);
      return { move() {}, end() {} };
    }
    this.undos.push(picture.pixels.slice());
    if (this.undos.length > 30) this.undos.shift();
    const shape = ["line", "harmonics"].includes(this.tool);
    this.pen = { start, now: start, shape };
    let changed = [Infinity, -Infinity];
    const mark = ([from, to]) => {
      changed = [Math.min(changed[0], from), Math.max(changed[1], to)];
      picture.refresh(from, to);
      this.drawPicture();
    };
    if (this.tool === "stamp") {
      if (this.selection) {
        const [from, to, low, high] = this.selection;
        const row = (f) => (1 - this.scale.height(f)) * picture.rows;
        this.patch = patchOf(picture, from / this.step, to / this.step, row(high), row(low));
        this.select(null);
      }
      mark(stamp(picture, this.patch, this.where(start)));
    } else if (!shape) mark(stroke(picture, this.where(start), this.where(start), this.brush));
    return {
      move: (now) => {
        if (!shape && this.tool !== "stamp") mark(stroke(picture, this.where(this.pen.now), this.where(now), this.brush));
        this.pen.now = now;
        this.redraw();
      },
      end: (now) => {
        if (shape) {
          const overtones = this.tool === "harmonics" ? 8 : 1;
          mark(tone(picture, this.scale, this.where(start), this.where(now), { ...this.brush, overtones }));
        }
        this.pen = null;
        this.painted(changed);
      },
    };
  }

  undo() {
    const before = this.undos.pop();
    if (!before) return this.say("There is nothing to undo.");
    const picture = this.pictures[0];
    const now = picture.pixels;
    let [from, to] = [picture.columns, 0];
    for (let i = 0; i < now.length; i++) {
      if (now[i] === before[i]) continue;
      from = Math.min(from, i % picture.columns);
      to = Math.max(to, (i % picture.columns) + 1);
    }
    picture.pixels = before;
    picture.refresh(0, picture.columns);
    this.drawPicture();
    if (from < to) this.painted([from, to]);
  }

  /** The pen was lifted: Python gets the picture, and makes its sound. */
  painted([from, to]) {
    const picture = this.pictures[0];
    this.changed = Math.max(0, from) * this.step || 1e-9;
    this.stroke = 1 + Math.max(this.stroke, this.get("stroke"));
    const pixels = picture.pixels.slice();
    this.model.send({ type: "painted", stroke: this.stroke, from: Math.max(0, Math.floor(from)), to: Math.min(picture.columns, Math.ceil(to)) }, undefined, [new DataView(pixels.buffer)]);
    this.redraw();
  }

  // --- files and the microphone ---------------------------------------------------------------

  async saveSound() {
    if (this.transport.duration) download(wavFile(await this.transport.render()), fileName(this.title.textContent, "wav"));
  }

  async savePicture() {
    const picture = this.pictures[this.transport.which] || this.pictures[0];
    if (picture) download(await picture.png(), fileName(this.title.textContent, "png"));
  }

  async record() {
    if (this.recorder) return this.recorder.stop();
    this.transport.stop();
    try {
      this.recorder = await takeFromMicrophone((seconds) => this.say(`Recording: ${seconds.toFixed(0)} s. Press Stop when you are done.`));
      this.recordButton.textContent = "■ Stop";
      this.root.dataset.recording = "true";
      const channels = await this.recorder.take;
      this.say("Got it.");
      this.model.send({ type: "take", channels: 1 }, undefined, [new DataView(interleaved(channels.slice(0, 1)).buffer)]);
    } catch (error) {
      this.say(error.message, true);
    }
    this.recorder = null;
    delete this.root.dataset.recording;
    this.recordButton.textContent = "● Record";
  }
}

const LONGEST_TAKE = 60; // seconds

/** A take: `stop()` ends it, `take` is the promise of its channels. */
async function takeFromMicrophone(tell) {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.MediaRecorder) {
    throw new Error("This page has no microphone: browsers give one to pages on localhost or https only.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    const missing = error.name === "NotFoundError";
    throw new Error(missing ? "No microphone was found." : "The microphone was refused: allow it in the browser's address bar, then press Record again.");
  }
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const begun = performance.now();
  const ticking = setInterval(() => {
    const seconds = (performance.now() - begun) / 1000;
    tell(seconds);
    if (seconds > LONGEST_TAKE) recorder.stop();
  }, 250);
  const take = new Promise((resolve, reject) => {
    recorder.onstop = () => {
      clearInterval(ticking);
      stream.getTracks().forEach((track) => track.stop());
      decoded(new Blob(parts, { type: recorder.mimeType })).then(resolve, () => reject(new Error("The recording is empty.")));
    };
  });
  recorder.start();
  return { stop: () => recorder.state !== "inactive" && recorder.stop(), take };
}

function render({ model, el: root }) {
  const view = new PlayerView(model, root);
  return () => view.close();
}

export default { render };
