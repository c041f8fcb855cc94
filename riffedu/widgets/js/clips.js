/* The clips of the lab book: kept in the browser's IndexedDB, or else in the page, and bounded in number.

   What is shown of a clip, its card, is {id, made, kind, label, record, seconds, thumb, star}; what it
   sounds and looks like, its body, is {id, samples, channels, pixels, rows, columns} and is read only
   when needed. `record` is the JSON text that its files carry. "change": there are other cards. */

const MOST = { clip: 60, piece: 24 }; // of each kind; the live instrument makes a piece every few seconds
const MOST_STARS = 30; // of a kind; they are kept when others make room
const DELETED = 20; // that can come back
const THUMB = [128, 64];

class ClipStore extends EventTarget {
  constructor() {
    super();
    [this.cards, this.deleted, this.bodies] = [[], [], new Map()];
    this.ready = this.open();
  }

  async open() {
    try {
      const request = indexedDB.open("riffedu-lab-book", 1);
      request.onupgradeneeded = () => ["cards", "bodies"].forEach((name) => request.result.createObjectStore(name, { keyPath: "id" }));
      this.database = await answer(request);
      this.channel = new BroadcastChannel("riffedu-lab-book"); // other pages of this browser
      this.channel.onmessage = () => this.load();
      await this.load();
    } catch {
      this.database = null; // the browser forbids it: the clips last as long as the page
    }
  }

  async load() {
    const cards = await answer(this.database.transaction("cards").objectStore("cards").getAll());
    this.cards = cards.sort((a, b) => b.made - a.made);
    this.dispatchEvent(new Event("change"));
  }

  /** Keep a clip, unless it is here already, and let the oldest go; its card. */
  async add({ label, record, kind = "clip", star = false, made = Date.now(), ...body }) {
    await this.ready;
    const id = clipHash(record, body.samples);
    const known = this.cards.find((card) => card.id === id);
    if (known) return known;
    const seconds = body.samples.length / body.channels / RATE;
    const card = { id, made, kind, label: label.slice(0, 300), record, seconds, thumb: thumbnail(body), star };
    await this.put(card, { id, ...body });
    const old = this.cards.filter((each) => each.kind === kind && !each.star).slice(MOST[kind]);
    for (const each of old) await this.erase(each.id);
    this.tell();
    return card;
  }

  /** Keep a clip of an exported book, unless another would have to go for it; whether it is here now. */
  async bring(clip) {
    await this.ready;
    const id = clipHash(clip.record, clip.samples);
    const star = clip.star && this.hasRoom(clip.kind, true);
    if (!this.hasRoom(clip.kind, star) && !this.cards.some((card) => card.id === id)) return false;
    await this.add({ ...clip, star });
    return true;
  }

  /** Whether one more clip of a kind, with a star or without, fits. */
  hasRoom(kind, star) {
    const count = this.cards.filter((card) => card.kind === kind && card.star === star).length;
    return count < (star ? MOST_STARS : MOST[kind]);
  }

  async put(card, body) {
    this.cards = [card, ...this.cards].sort((a, b) => b.made - a.made);
    try {
      const change = this.database.transaction(["cards", "bodies"], "readwrite");
      change.objectStore("cards").put(card);
      change.objectStore("bodies").put(body);
      await done(change);
    } catch {
      this.bodies.set(card.id, body); // no database, or no room on the disk
    }
  }

  async erase(id) {
    this.cards = this.cards.filter((card) => card.id !== id);
    if (this.bodies.delete(id) || !this.database) return;
    const change = this.database.transaction(["cards", "bodies"], "readwrite");
    change.objectStore("cards").delete(id);
    change.objectStore("bodies").delete(id);
    await done(change);
  }

  async body(id) {
    return this.bodies.get(id) ?? answer(this.database.transaction("bodies").objectStore("bodies").get(id));
  }

  /** Delete a clip; `undo` brings it back. */
  async remove(id) {
    const card = this.cards.find((each) => each.id === id);
    if (!card) return;
    this.deleted = [...this.deleted, [card, await this.body(id)]].slice(-DELETED);
    await this.erase(id);
    this.tell();
  }

  async undo() {
    const last = this.deleted.pop();
    if (!last) return null;
    await this.put(...last);
    this.tell();
    return last[0];
  }

  /** Give a clip a star or take it away; whether there was room for one more. */
  async star(id, on) {
    const card = this.cards.find((each) => each.id === id);
    if (on && !this.hasRoom(card.kind, true)) return false;
    card.star = on;
    if (this.database && !this.bodies.has(id)) {
      const change = this.database.transaction("cards", "readwrite");
      change.objectStore("cards").put(card);
      await done(change);
    }
    this.tell();
    return true;
  }

  tell() {
    this.dispatchEvent(new Event("change"));
    this.channel?.postMessage("change");
  }
}

/** The one store of the page. */
function clipStore() {
  return (globalThis.riffeduClips ??= new ClipStore());
}

/** Keep what a player shows, if a model made it. */
function keepFromPlayer(state) {
  const record = state.get("origin")?.riffedu;
  const [picture] = state.pictures;
  const sound = state.get("sound");
  if (!record || !recordOf(record).model || !picture || !sound.byteLength) return false;
  const view = ArrayBuffer.isView(sound) ? sound : new DataView(sound);
  const samples = new Int16Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  const { pixels, rows, columns } = picture;
  clipStore().add({ label: state.get("label"), record, samples, channels: state.get("channels"), pixels: pixels.slice(), rows, columns });
  return true;
}

function recordOf(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

/** What an IndexedDB request comes to. */
function answer(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** When an IndexedDB transaction is on the disk: one that finds it full fails after its requests succeeded. */
function done(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
}

/** The same record and samples have the same name (FNV-1a). */
function clipHash(record, samples) {
  let hash = 0x811c9dc5;
  const mix = (value) => (hash = Math.imul(hash ^ value, 0x01000193));
  for (let i = 0; i < record.length; i++) mix(record.charCodeAt(i));
  for (let i = 0; i < samples.length; i++) mix(samples[i]);
  return `${(hash >>> 0).toString(36)}-${samples.length}`;
}

function thumbnail({ pixels, rows, columns }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = THUMB;
  new SpectrogramPicture(pixels, rows, columns).draw(canvas.getContext("2d"), 0, columns, 0, 0, ...THUMB);
  return canvas.toDataURL("image/png");
}
