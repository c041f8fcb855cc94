/* Pointer and keys on an instrument, and files that are dropped on it: what they mean for its state. */

class InstrumentHands {
  constructor(page, state, signal) {
    [this.page, this.state] = [page, state];
    const { root, pad } = page;
    const on = (target, name, action) => target.addEventListener(name, action, { signal });
    on(pad, "pointerdown", (event) => this.grab(event));
    on(pad, "keydown", (event) => this.move(event));
    on(root, "keydown", (event) => this.key(event));
    on(root, "dragover", (event) => (event.preventDefault(), root.classList.add("riffedu-over")));
    on(root, "dragleave", () => root.classList.remove("riffedu-over"));
    on(root, "drop", (event) => this.drop(event));
  }

  /** The dot goes where the pointer is, while it is down. */
  grab(event) {
    const { pad } = this.page;
    if (event.button) return;
    event.preventDefault();
    pad.focus({ preventScroll: true });
    pad.setPointerCapture(event.pointerId);
    const go = (e) => {
      const box = pad.getBoundingClientRect();
      this.state.moveTo((e.clientX - box.left - RIM) / (box.width - 2 * RIM), 1 - (e.clientY - box.top - RIM) / (box.height - 2 * RIM));
    };
    go(event);
    pad.onpointermove = go;
    pad.onpointerup = pad.onpointercancel = () => (pad.onpointermove = null);
  }

  move(event) {
    const by = event.shiftKey ? 0.2 : 0.05;
    const moves = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowDown: [0, -by], ArrowUp: [0, by] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    this.state.moveTo(this.state.get("x") + move[0], this.state.get("y") + move[1]);
  }

  key(event) {
    const control = event.ctrlKey || event.metaKey;
    const actions = { z: () => control && this.state.undo(), " ": () => this.state.toggle(), "?": () => this.page.help.turn() };
    const action = actions[event.key];
    if (!action || (control && event.key !== "z") || ["INPUT", "SELECT", "BUTTON", "SUMMARY"].includes(event.target.tagName)) return;
    event.preventDefault();
    action();
  }

  drop(event) {
    event.preventDefault();
    this.page.root.classList.remove("riffedu-over");
    const [file] = event.dataTransfer.files;
    if (!file) return;
    if (file.name.endsWith(".json")) this.state.open(file);
    else this.state.bring(file);
  }
}
