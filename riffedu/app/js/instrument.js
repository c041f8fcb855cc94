/* The live instrument: a pad, what to play, and the last minute of it. Hands and Python change its state;
   the page and its two canvases follow it. */

class InstrumentView {
  constructor(model, root) {
    this.root = root;
    this.abort = new AbortController();
    const { signal } = this.abort;
    this.state = new InstrumentState(model, signal);
    this.page = new InstrumentPage(root, this.state);
    this.xray = new XRay(this.page, this.state, signal);
    this.hands = new InstrumentHands(this.page, this.state, signal);
    keepKeys(root, signal);
    root.instrument = this;
    this.listen();
    this.changed();
    openLinkOrRecall(this.state);
  }

  get band() {
    return this.state.band;
  }

  get status() {
    return this.page.status;
  }

  listen() {
    const { state, page } = this;
    const on = (target, name, action) => target.addEventListener(name, action, { signal: this.abort.signal });
    on(state, "change", () => (this.changed(), remember(state)));
    on(state, "words", () => page.say(state.words));
    on(state, "piece", ({ detail }) => page.showPiece(detail));
    on(state, "file", ({ detail }) => download(detail.blob, detail.name));
    on(state, "session", ({ detail }) => this.handOut(detail));
    on(state.band, "change", () => this.redraw());
    onTheme(() => this.redraw(), this.abort.signal);
    this.observer = new ResizeObserver(() => this.layout());
    this.observer.observe(this.root);
  }

  close() {
    this.band.close();
    this.abort.abort();
    this.observer.disconnect();
    this.page.sound.close();
    this.page.book.close();
    cancelAnimationFrame(this.frame);
  }

  handOut({ how, session }) {
    if (how === "link") copyLink(session, (...words) => this.state.say(...words));
    else saveSession(session);
  }

  changed() {
    this.page.showControls();
    this.redraw();
  }

  layout() {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    for (const canvas of [this.page.pad, this.page.scroll]) {
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
    const { state, page, band } = this;
    const part = band.partAt(band.heard * RATE);
    const style = getComputedStyle(this.root);
    page.showBand(part);
    drawPad(page.pad, state, style, part);
    drawScroll(page.scroll, state, style);
    this.xray.draw();
  }
}

function render({ model, el: root }) {
  const view = new InstrumentView(model, root);
  return () => view.close();
}

export default { render };
