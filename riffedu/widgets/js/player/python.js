/* What Python sends a player, taken over into its state; and loop and speed back to Python. */

const LOADED = [
  "sound", "sound_b", "picture", "picture_b", "rows", "columns", "columns_b", "channels", "label", "label_b",
  "caption", "caption_b", "alt", "colour_map", "height", "paint", "record", "message", "stroke",
];

class FromPython {
  constructor(state, signal) {
    [this.state, this.model] = [state, state.model];
    this.newPictures = 0; // how often they came
    const heard = Object.entries({
      "change:loop": () => this.takeLoop(),
      "change:speed": () => this.takeLoop(),
      "change:selection": () => this.takeSelection(),
      ...Object.fromEntries(LOADED.map((name) => [`change:${name}`, () => this.loadSoon()])),
    });
    heard.forEach(([event, action]) => this.model.on(event, action));
    signal.addEventListener("abort", () => heard.forEach(([event, action]) => this.model.off(event, action)));
    state.transport.addEventListener("change", () => this.giveLoop(), { signal });
  }

  /** Once for all that comes together. */
  loadSoon() {
    this.due ??= requestAnimationFrame(() => {
      this.due = null;
      this.load();
    });
  }

  /** Take over what Python sent; what can't be right is said, and the old stays. */
  load() {
    const { state, model } = this;
    const both = (name) => [model.get(name), model.get(`${name}_b`)];
    if (model.get("stroke") >= state.painting.stroke) state.answered();
    try {
      this.takeSounds(both("sound"));
      state.painting.answered();
      this.takePictures(both("picture"), both("columns"));
      state.scale = new FrequencyScale(model.get("frequencies"));
      state.recolour();
      state.say(model.get("message"), true);
    } catch (error) {
      state.say(`${error.message} Run the cell again.`, true);
    }
    this.takeLoop();
    this.takeSelection();
    state.tell("load");
  }

  takeSounds(sent) {
    if (sent.every((bytes, i) => bytes === this.sounds?.[i])) return;
    const sounds = sent.filter((bytes) => bytes.byteLength).map((bytes) => channelsOf(bytes, this.model.get("channels")));
    this.sounds = sent;
    this.state.transport.setSounds(sounds);
  }

  takePictures(sent, columns) {
    if (sent.every((bytes, i) => bytes === this.pictures?.[i])) return;
    const { state, model } = this;
    const same = state.pictures[0]?.columns === columns[0];
    state.pictures = sent
      .map((bytes, i) => [bytes, columns[i]])
      .filter(([bytes]) => bytes.byteLength)
      .map(([bytes, wide]) => new SpectrogramPicture(bytes, model.get("rows"), wide, model.get("colour_map")));
    this.pictures = sent;
    state.painting.forget();
    if (!same) state.view = [0, 1];
    this.newPictures += 1;
  }

  takeLoop() {
    const { transport } = this.state;
    const [loop, speed] = [this.model.get("loop"), this.model.get("speed")];
    if (loop !== transport.loop || speed !== transport.speed) transport.set({ loop, speed });
  }

  giveLoop() {
    const { loop, speed } = this.state.transport;
    if (this.model.get("loop") !== loop || this.model.get("speed") !== speed) this.state.put({ loop, speed });
  }

  takeSelection() {
    this.state.keepTo(this.model.get("selection"));
  }
}
