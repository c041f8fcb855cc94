/* The lab book on a page: a strip of the clips that were made, to hear again, compare, star and save. */

class LabBook {
  /** `say` tells the person something; the strip is built when it is first opened. */
  constructor(say, open = false) {
    Object.assign(this, { say, store: clipStore(), pair: [null, null], playing: null });
    this.transport = new Transport();
    this.count = el("span");
    this.body = el("div");
    this.root = el("details", { className: "riffedu-book", open, ontoggle: () => this.show() },
      el("summary", { title: "The clips that were made in this browser: hear, compare, star and save them" }, "lab book", this.count), this.body);
    this.onchange = () => this.show();
    this.store.addEventListener("change", this.onchange);
    this.transport.addEventListener("change", () => this.showPlaying());
    this.store.ready.then(this.onchange);
  }

  close() {
    this.transport.hush();
    this.store.removeEventListener("change", this.onchange);
  }

  build() {
    this.picker = el("input", { type: "file", accept: ".html,text/html", hidden: true, onchange: () => this.open() });
    this.switch = press("A/B", "Switch between A and B while they play", () => this.transport.choose(1 - this.transport.which), { className: "riffedu-turn" });
    this.both = press("▶", "Play A and B together and switch between them", () => this.playPair(), { className: "riffedu-both" });
    this.words = el("output");
    this.compare = el("div", { className: "riffedu-compare" }, this.both, this.switch, this.words);
    this.undo = press("↶ undo", "Bring back the clip that was deleted last", () => this.store.undo());
    this.exporter = press("export", "Save all clips as one page: it plays anywhere, and can be opened here again", () => this.save());
    this.list = el("ol", { className: "riffedu-clips", ariaLabel: "Clips, the newest first" });
    this.none = el("p", {}, "Nothing yet: every clip that you generate is kept here: the newest 60 clips and 24 live pieces.");
    this.body.append(
      el("div", { className: "riffedu-row" }, this.exporter, press("open", "Add the clips of a page that was exported", () => this.picker.click()), this.undo, this.compare),
      this.none, this.list, this.picker,
    );
  }

  show() {
    const { cards, deleted } = this.store;
    this.count.textContent = ` (${cards.length})`;
    if (!this.root.open) return;
    if (!this.list) this.build();
    this.pair = this.pair.map((id) => (cards.some((card) => card.id === id) ? id : null));
    const kept = new Map([...this.list.children].map((item) => [item.dataset.id, item]));
    const items = cards.map((card) => kept.get(card.id) ?? this.item(card));
    if (items.length !== kept.size || items.some((item, i) => item !== this.list.children[i])) this.list.replaceChildren(...items);
    cards.forEach((card, i) => this.showItem(items[i], card));
    this.none.hidden = cards.length > 0;
    this.exporter.disabled = !cards.length;
    this.undo.hidden = !deleted.length;
    this.compare.hidden = this.pair.includes(null);
    this.words.textContent = this.pair.map((id, i) => `${"AB"[i]}: ${cards.find((card) => card.id === id)?.label.slice(0, 40)}`).join(" · ");
    this.showPlaying();
  }

  item(card) {
    const { id, label } = card;
    const facts = factsOf(card).join(", ");
    const image = el("img", { src: card.thumb, alt: "" });
    const act = (sign, words, action, name) => press(sign, `${words}: ${label}`, action, { className: `riffedu-${name}` });
    const choose = (which) => {
      this.pair = this.pair.map((was, i) => (i === which ? (was === id ? null : id) : was === id ? null : was));
      this.show();
    };
    return el("li", { "data-id": id },
      press(image, `Play ${label}, ${facts}`, () => this.play(id), { className: "riffedu-thumb" }),
      el("b", { title: label }, label), el("small", {}, facts),
      el("span", {},
        act("A", "Compare as A", () => choose(0), "a"), act("B", "Compare as B", () => choose(1), "b"),
        act("★", "Star: keep this clip when old ones are deleted to make room", () => this.star(card), "star"),
        act("⤓", "Download as WAV", () => this.download(card), "save"), act("✕", "Delete", () => this.store.remove(id), "delete")),
    );
  }

  showItem(item, card) {
    const on = { a: this.pair[0] === card.id, b: this.pair[1] === card.id, star: card.star };
    for (const [name, is] of Object.entries(on)) pressed(item.querySelector(`.riffedu-${name}`), is);
  }

  showPlaying() {
    if (!this.list) return;
    const { playing, which } = this.transport;
    this.both.textContent = playing && this.playing === "pair" ? "■" : "▶";
    this.switch.textContent = which ? "A/B: B" : "A/B: A";
    this.switch.dataset.which = which;
    for (const item of this.list.children) item.classList.toggle("riffedu-on", playing && this.playing === item.dataset.id);
  }

  // --- hands ----------------------------------------------------------------------------------

  /** Play a clip from its beginning, or stop it. */
  async play(...ids) {
    const what = ids.length > 1 ? "pair" : ids[0];
    const was = this.transport.playing && this.playing === what;
    this.transport.hush();
    if (was) return this.transport.tell();
    const bodies = await Promise.all(ids.map((id) => this.store.body(id)));
    this.playing = what;
    this.transport.which = 0;
    this.transport.setSounds(bodies.map(({ samples, channels }) => channelsOf(samples.buffer, channels)));
    this.transport.play(0);
  }

  playPair() {
    return this.play(...this.pair);
  }

  async star(card) {
    if (!(await this.store.star(card.id, !card.star))) this.say(`At most ${MOST_STARS} clips can have a star: take one away first.`, true);
  }

  async download({ id, label, record }) {
    const { samples, channels } = await this.store.body(id);
    download(wavFile(channelsOf(samples.buffer, channels), record), fileName(label, "wav"));
  }

  async save() {
    const page = await bookPage(this.store);
    const large = page.size > LARGEST_PAGE;
    download(page, "riffedu-lab-book.html");
    this.say(`Saved in riffedu-lab-book.html: ${this.store.cards.length}.${large ? " It is too large to be opened in a lab book again." : ""}`, large);
  }

  async open() {
    const [file] = this.picker.files;
    this.picker.value = "";
    if (!file) return;
    try {
      const { count, left } = await openBookPage(file, this.store);
      const full = left ? ` The lab book is full, so ${left} of them ${left === 1 ? "was" : "were"} left out. Delete or star clips to make room, then open it again.` : "";
      this.say(`${count} clips were in ${file.name}.${full}`, left > 0);
    } catch (error) {
      this.say(error.message, true);
    }
  }
}

/** Seed, steps and length, as far as a clip's record tells them. */
function factsOf({ record, seconds }) {
  const { seed, num_inference_steps: steps, seed_sound: under, strength, verb } = recordOf(record);
  const told = [[verb === "generate" ? undefined : verb, (v) => v], [seed, (v) => `seed ${v}`], [steps, (v) => `${v} steps`], [under === "" ? undefined : strength, (v) => `strength ${v}`]];
  return [...told.filter(([value]) => value !== undefined && value !== null).map(([value, words]) => words(value)), `${seconds.toFixed(1)} s`];
}
