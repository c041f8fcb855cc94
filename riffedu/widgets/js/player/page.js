/* The page of a player: its elements, what its buttons and menus do, and what they show. */

class PlayerPage {
  constructor(root, state) {
    [this.root, this.state] = [root, state];
    this.build();
    this.buildTools();
  }

  build() {
    const { root, state } = this;
    const { transport } = state;
    root.classList.add("riffedu", "riffedu-player");
    this.title = el("b");
    this.caption = el("span", { className: "riffedu-caption" });
    this.ab = press("A", "Switch between the two sounds (B)", () => state.switchSound(), { className: "riffedu-ab" });
    this.canvas = el("canvas");
    this.over = el("canvas", { tabIndex: 0 });
    this.help = keyHelp(state.get("paint") ? [...KEYS.slice(0, -1), ...PAINT_KEYS, ...KEYS.slice(-1)] : KEYS);
    this.over.setAttribute("role", "slider");
    this.over.setAttribute("aria-describedby", this.help.list.id);
    this.over.setAttribute("aria-valuemin", "0");
    this.stage = el("div", { className: "riffedu-stage" }, this.canvas, this.over);
    this.thumb = el("i");
    this.strip = el("div", { className: "riffedu-strip", title: "The part that is shown: drag to move it" }, this.thumb);
    this.playButton = press("▶", "Play (Space)", () => state.togglePlay(), { className: "riffedu-play" });
    this.time = el("output", { className: "riffedu-time" });
    this.loopButton = toggle("⟲", "Loop (L)", (on) => transport.set({ loop: on }));
    this.speedMenu = el(
      "select",
      { title: "Speed ([ and ])", "aria-label": "Speed", onchange: () => transport.set({ speed: Number(this.speedMenu.value) }) },
      ...SPEEDS.map((s) => el("option", { value: s, selected: s === 1 }, `${s}×`)),
    );
    this.pitchBox = el("input", { type: "checkbox", checked: true, onchange: () => transport.set({ keepPitch: this.pitchBox.checked }) });
    this.sound = volumeAndMeter();
    this.mapMenu = el(
      "select",
      { title: "Colours", "aria-label": "Colours", onchange: () => state.colour(this.mapMenu.value) },
      ...Object.keys(MAPS).map((name) => el("option", { value: name }, name)),
    );
    this.more = el(
      "details",
      { className: "riffedu-more" },
      el("summary", { title: "Zoom, colours, speed, files" }, "more"),
      el("span", {},
        press("–", "Zoom out (−)", () => state.zoom(2)), press("+", "Zoom in (+)", () => state.zoom(0.5)), press("↔", "Show all (0)", () => state.show(0, 1)),
        this.speedMenu, el("label", { title: "Off: slower is lower, as with a tape" }, this.pitchBox, " keep pitch"), this.mapMenu,
        press("WAV", "Download what is heard: the selection, filtered, or all", () => this.saveSound()), press("PNG", "Download the picture", () => this.savePicture())),
    );
    this.book = new LabBook((...words) => state.say(...words));
    this.recordButton = press("● Record", "Record from the microphone", () => state.microphone.press(), { className: "riffedu-record" });
    this.tools = el("div", { className: "riffedu-tools", role: "toolbar", ariaLabel: "Painting" });
    this.status = el("div", { className: "riffedu-status", role: "status" });
    root.append(
      el("div", { className: "riffedu-head" }, this.title, this.ab, this.caption),
      this.stage, this.strip,
      el("div", { className: "riffedu-row" }, this.playButton, this.time, this.loopButton, ...this.sound.nodes, this.recordButton, this.help.button, this.more, this.book.root),
      this.tools, this.status, this.help.list,
    );
  }

  buildTools() {
    const { painting } = this.state;
    const slider = (name, attributes) =>
      el("input", { type: "range", ...attributes, value: painting[name], oninput: (event) => (painting[name] = Number(event.target.value)) });
    this.toolButtons = Object.fromEntries(
      Object.entries(TOOLS).map(([name, [sign, words]]) => [name, toggle(sign, words, () => painting.pick(name))]),
    );
    const hearBox = el("input", { type: "checkbox", checked: painting.hear, onchange: () => (painting.hear = hearBox.checked) });
    this.tools.append(
      ...Object.values(this.toolButtons),
      el("label", {}, "size ", slider("size", { min: 3, max: 40, ariaLabel: "Size of brush and eraser" })),
      el("label", {}, "level ", slider("ink", { min: -48, max: 0, ariaLabel: "Level of the paint in decibels below black" })),
      press("↶", "Undo (Ctrl Z)", () => painting.undo()),
      el("label", { title: "Play what changed when the pen is lifted" }, hearBox, " hear strokes"),
    );
    this.showTool();
  }

  async saveSound() {
    const { transport, title } = this.state;
    const { riffedu: record } = this.state.get("origin") ?? {};
    if (transport.duration) download(wavFile(await transport.render(), record), fileName(title, "wav"));
  }

  async savePicture() {
    const { picture, title } = this.state;
    if (picture) download(await picture.png(this.state.get("origin") ?? {}), fileName(title, "png"));
  }

  // --- what it shows --------------------------------------------------------------------------

  say({ text, wrong }) {
    this.status.textContent = text;
    this.status.classList.toggle("riffedu-wrong", wrong);
  }

  /** What Python decides: height, colours, which parts there are. */
  showLoaded() {
    const { root, state } = this;
    this.stage.style.height = `${state.get("height")}px`;
    root.classList.toggle("riffedu-nothing", !state.get("picture").byteLength && !state.get("record") && !state.get("message"));
    this.tools.hidden = !state.get("paint");
    this.recordButton.hidden = !state.get("record");
    if (this.mapMenu.value !== state.get("colour_map")) this.mapMenu.value = state.get("colour_map");
    this.showTransport();
  }

  showTransport() {
    const { root, state, over } = this;
    const { playing, loop, speed, sounds, which, duration } = state.transport;
    this.playButton.textContent = playing ? "❚❚" : "▶";
    this.playButton.title = playing ? "Pause (Space)" : "Play (Space)";
    this.playButton.setAttribute("aria-label", this.playButton.title);
    this.playButton.disabled = this.loopButton.disabled = !duration;
    pressed(this.loopButton, loop);
    this.speedMenu.value = speed;
    this.ab.hidden = sounds.length < 2;
    this.ab.textContent = which ? "A/B: B" : "A/B: A";
    this.ab.dataset.which = which;
    this.title.textContent = state.title;
    this.caption.textContent = state.caption;
    over.setAttribute("aria-label", `${state.title}. ${state.get("alt")}`);
    over.setAttribute("aria-valuemax", duration.toFixed(2));
    root.dataset.state = playing ? "playing" : duration ? "stopped" : "empty";
  }

  showTime(position) {
    const { playing, duration } = this.state.transport;
    this.time.textContent = `${clock(position)} / ${clock(duration)}`;
    this.root.dataset.position = position.toFixed(4);
    this.over.setAttribute("aria-valuenow", position.toFixed(2));
    this.over.setAttribute("aria-valuetext", `${position.toFixed(2)} of ${duration.toFixed(2)} seconds`);
    this.sound.update(playing);
  }

  showTool() {
    const { tool } = this.state.painting;
    Object.entries(this.toolButtons).forEach(([name, button]) => pressed(button, name === tool));
    this.over.style.cursor = tool === "select" ? "crosshair" : "cell";
  }

  showRecording() {
    const { on } = this.state.microphone;
    if (on) this.root.dataset.recording = "true";
    else delete this.root.dataset.recording;
    this.recordButton.textContent = on ? "■ Stop" : "● Record";
  }
}
