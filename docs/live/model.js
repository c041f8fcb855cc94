/* What the instrument takes for its kernel: controls by name, and messages. A worker answers them. */

const FIXED = { text: "", strength: 1, seed_sound: "", seed_sounds: [], page: false, version: "" };

export class PageModel {
  constructor(facts, worker) {
    this.worker = worker;
    this.values = { ...FIXED, ...facts.controls, choices: facts.choices, frequencies: facts.frequencies, burst: facts.burst };
    this.listeners = new Map();
    worker.addEventListener("message", ({ data }) => this.answer(data));
  }

  // --- as anywidget's model ---------------------------------------------------------------------

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
  }

  save_changes() {}

  on(event, action) {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), action]);
  }

  off(event, action) {
    this.listeners.set(event, (this.listeners.get(event) ?? []).filter((each) => each !== action));
  }

  send({ type, run, number }) {
    if (type === "restart") this.worker.postMessage({ type });
    else if (type === "next") this.worker.postMessage({ type, settings: this.settings, request: { run, number, ...this.told() } });
    else this.tell({ type: "wrong", of: type, message: "This page cannot do that: install riffedu and run `riffedu app`." });
  }

  // --- the worker -------------------------------------------------------------------------------

  get settings() {
    const { prompts, x, y, seed, steps, guidance_scale } = this.values;
    return { prompts, x, y, seed, steps, guidance_scale };
  }

  /** What the page shows of a piece: where the dot was, and what was mixed there. */
  told() {
    const { prompts, x, y } = this.values;
    const shares = [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
    const parts = shares.map((share, i) => ({ share, prompt: prompts[i] })).filter(({ share }) => share >= 0.2);
    parts.sort((a, b) => b.share - a.share);
    return { place: [x, y], words: parts.map(({ share, prompt }) => `${Math.round(100 * share)}% ${prompt}`).join(" + ") };
  }

  answer({ type, request, message, samples, pixels, ...piece }) {
    if (type === "piece") this.tell({ type, ...request, waiting: 0, ...piece }, [samples, pixels]);
    else if (type === "wrong") this.tell({ type, of: "next", run: request.run, message });
  }

  tell(content, buffers = []) {
    for (const action of this.listeners.get("msg:custom") ?? []) action(content, buffers);
  }
}
