/* The spectrogram player: a picture that plays. Hands, buttons and Python change its state; all that is
   seen follows from the state, and changes nothing. */

class PlayerView {
  constructor(model, root) {
    [this.model, this.root] = [model, root];
    this.abort = new AbortController();
    this.state = new PlayerState(model);
    this.python = new FromPython(this.state, this.abort.signal);
    this.axes = new Axes(this.state);
    this.page = new PlayerPage(root, this.state);
    this.drawing = new PlayerDrawing(this.page, this.state, this.axes);
    this.hands = new PlayerHands(this.page, this.state, this.axes, this.abort.signal);
    keepKeys(root, this.abort.signal);
    nameSliders();
    root.player = this;
    this.listen();
    this.python.load();
  }

  listen() {
    const { state, page, drawing } = this;
    const { signal } = this.abort;
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(state, "load", () => this.loaded());
    on(state, "picture", () => (drawing.drawPicture(), this.redraw()));
    on(state, "over", () => this.redraw());
    on(state, "words", () => page.say(state.words));
    on(state, "tool", () => page.showTool());
    on(state, "recording", () => page.showRecording());
    on(state.transport, "change", () => (page.showTransport(), this.redraw()));
    onTheme(() => this.layout(), signal);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(page.stage);
  }

  close() {
    this.state.close();
    this.abort.abort();
    this.observer.disconnect();
    this.page.sound.close();
    this.page.book.close();
    cancelAnimationFrame(this.frame);
  }

  loaded() {
    this.page.showLoaded();
    this.layout();
    this.keep();
    this.root.dataset.pictures = this.python.newPictures;
  }

  /** What a model made goes into the lab book, once. */
  keep() {
    const { sounds } = this.python;
    if (sounds === this.kept) return;
    this.kept = sounds;
    this.page.book.root.hidden = !keepFromPlayer(this.state);
  }

  layout() {
    this.drawing.layout();
    this.redraw();
  }

  /** Draw what lies over the picture on the next frame, and on each one while something plays. */
  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.state.follow();
      this.drawOver();
      if (this.state.transport.playing) this.redraw();
    });
  }

  drawOver() {
    if (!this.axes.box) return;
    const { position } = this.state.transport;
    this.drawing.drawOver(position);
    this.page.showTime(position);
  }

  // --- what tests, or someone at a browser's console, look at: `root.player.view` and so on --------

  get(name) {
    return this.model.get(name);
  }

  get changed() {
    return this.state.painting.changed;
  }

  show(from, to) {
    this.state.show(from, to);
  }

  zoom(factor, around) {
    this.state.zoom(factor, around);
  }
}

const EXPOSED = {
  state: ["transport", "scale", "pictures", "view", "shown", "selection"],
  page: ["title", "status", "canvas", "over"],
  axes: ["box"],
};
for (const [part, names] of Object.entries(EXPOSED)) {
  for (const name of names) Object.defineProperty(PlayerView.prototype, name, { get() { return this[part][name]; } });
}

function render({ model, el: root }) {
  const view = new PlayerView(model, root);
  return () => view.close();
}

export default { render };
