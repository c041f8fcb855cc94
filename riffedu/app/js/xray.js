/* X-ray: touch a place of the moving picture, and see which words, which step and which latents drew it. */

const LESSONS = { words: "10_text_and_guidance", step: "11_text_to_music", latents: "09_latents" };

class XRay {
  constructor(page, state, signal) {
    [this.page, this.state, this.asked, this.place] = [page, state, null, null];
    this.told = el("div", { className: "riffedu-xray", role: "status" });
    page.scroll.after(this.told);
    page.scroll.addEventListener("pointerdown", (event) => this.touch(event), { signal });
    page.scroll.addEventListener("keydown", (event) => this.step(event), { signal });
    state.addEventListener("xray", ({ detail }) => this.answered(detail), { signal });
    state.band.addEventListener("begin", () => this.show(null), { signal });
  }

  frame() {
    return scrollFrame(this.page.scroll, this.state.band);
  }

  touch(event) {
    const box = this.page.scroll.getBoundingClientRect();
    const { tall, time } = this.frame();
    const at = time(event.clientX - box.left);
    this.ask(this.state.band.partAt(at * RATE), at, (event.clientY - box.top) / tall);
  }

  /** Arrow keys: the next cell of the latents, from the last one or from what is heard now. */
  step(event) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const { band } = this.state;
    if (!this.place) return this.ask(band.partAt(band.heard * RATE), band.heard, 0.75);
    const { part, row, column, shape } = this.place;
    const seconds = this.cell(part, column + move[0] + 0.5);
    this.ask(part, part.at / RATE + seconds - part.first / RATE, (row + move[1] + 0.5) / shape[0]);
  }

  /** Seconds from the beginning of a part's picture to a column of latents. */
  cell(part, column) {
    return (column * (part.piece.rows / this.place.shape[0])) / 100; // a cell is as wide as it is high
  }

  /** `at` in seconds of the music; `down` from 0, the top of the picture, to 1. */
  ask(part, at, down) {
    const within = at * RATE - (part?.at ?? 0);
    if (this.asked || !part || within < 0 || within >= part.length || down < 0 || down >= 1) return;
    const number = part.piece.number;
    this.asked = part;
    this.told.textContent = `Looking inside piece ${number + 1} …`;
    this.state.send({ type: "xray", number, row: down * part.piece.rows, column: (100 * (part.first + within)) / RATE });
  }

  answered(place) {
    const part = this.asked;
    this.asked = null;
    if (part?.piece.run === this.state.band.run) this.show(place && { ...place, part });
  }

  show(place) {
    this.place = place;
    this.told.replaceChildren(...(place ? this.lines(place) : []));
  }

  lines({ words, other, step, steps, row, column, channels }) {
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    const seen = words.map(([word, share]) => `“${word}” ${percent(share)}`);
    const values = channels.map(([channel, value]) => `${channel} (${value.toFixed(1).replace("-", "−")})`);
    const line = (name, text) => el("p", {}, el("b", {}, `${name}: `), `${text} `, this.lesson(LESSONS[name.toLowerCase()]));
    return [
      line("Words", `${[...seen, `no word ${percent(other)}`].join(", ")} of the attention.`),
      line("Step", step > 1 ? `this place was settled at step ${step} of ${steps}.` : `this place was settled at the first of ${steps} steps.`),
      line("Latents", `row ${row + 1}, column ${column + 1}; the largest channels are ${values.join(", ")}.`),
    ];
  }

  /** In JupyterLab a link to the lesson's notebook, elsewhere the command that opens it. */
  lesson(name) {
    const lab = location.pathname.match(/^(.*?\/)(lab|doc|notebooks|tree)(\/|$)/);
    const number = name.slice(0, 2);
    if (!lab) return `(lesson ${number}: riffedu lab ${Number(number)})`;
    return el("a", { href: `${lab[1]}lab/tree/notebooks/${name}.ipynb`, target: "_blank" }, `lesson ${number}`);
  }

  /** A frame around the place, as long as it is in view. */
  draw() {
    if (!this.place) return;
    const { part, row, column, shape } = this.place;
    const { left, wide, tall, across } = this.frame();
    const begin = (part.at - part.first) / RATE;
    const from = Math.max(part.at / RATE, begin + this.cell(part, column));
    const to = Math.min((part.at + part.length) / RATE, begin + this.cell(part, column + 1));
    const pen = this.page.scroll.getContext("2d");
    pen.save();
    pen.beginPath();
    pen.rect(left, 0, wide, tall);
    pen.clip();
    [pen.strokeStyle, pen.lineWidth] = ["#d55e00", 2];
    pen.strokeRect(across(from), (tall * row) / shape[0], across(to) - across(from), tall / shape[0]);
    pen.restore();
  }
}
