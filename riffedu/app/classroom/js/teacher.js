/* The teacher's page: the live instrument as it is, over a WebSocket in place of Jupyter's connection,
   and beside it the class: how to join, who plays what, and the teacher's switches. */

const COLOURS = ["#0072b2", "#009e73", "#cc79a7", "#e69f00"];
const GONE = 4000;

/** What anywidget hands to `render`: named values, and messages with buffers. */
class Model {
  constructor(post) {
    [this.post, this.values, this.changed, this.listeners] = [post, {}, {}, {}];
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = this.changed[name] = value;
  }

  save_changes() {
    this.post({ update: this.changed });
    this.changed = {};
  }

  send(content, _callbacks, buffers = []) {
    this.post({ custom: content, buffers: buffers.length }, ...buffers);
  }

  on(event, action) {
    (this.listeners[event] ??= new Set()).add(action);
  }

  off(event, action) {
    this.listeners[event]?.delete(action);
  }

  tell(event, ...details) {
    this.listeners[event]?.forEach((action) => action(...details));
  }

  take(values) {
    Object.assign(this.values, values);
    Object.keys(values).forEach((name) => this.tell(`change:${name}`));
  }
}

class Link {
  constructor() {
    this.model = new Model((content, ...buffers) => this.post(content, ...buffers));
    this.panel = new Panel(document.getElementById("class"), (name, value) => this.post({ do: name, with: value }));
    this.socket = new WebSocket(`ws://${location.host}/socket`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.post({ token: location.hash.slice(1) });
    this.socket.onmessage = ({ data }) => this.heard(data);
    this.socket.onclose = ({ code, reason }) => this.closed(code, reason);
  }

  post(content, ...buffers) {
    if (this.socket.readyState !== WebSocket.OPEN) throw new Error("riffedu has stopped");
    this.socket.send(JSON.stringify(content));
    for (const each of buffers) this.socket.send(each);
  }

  /** A message, or a buffer that belongs to the last one. */
  heard(data) {
    if (typeof data === "string") [this.message, this.buffers] = [JSON.parse(data), []];
    else this.buffers.push(new DataView(data));
    if (this.buffers.length < (this.message.buffers ?? 0)) return;
    const { state, update, custom } = this.message;
    if (state) this.begin(state);
    else if (update) this.model.take(update);
    else if (custom) this.model.tell("msg:custom", custom, this.buffers);
    else this.panel.show(this.message.class);
  }

  async begin(state) {
    this.model.values = state;
    const { default: instrument } = await import("./instrument.js");
    const root = document.getElementById("instrument");
    instrument.render({ model: this.model, el: root });
    let told = null;
    new MutationObserver(() => {
      if (root.dataset.number === told) return;
      told = root.dataset.number;
      this.post({ do: "heard", with: Number(told) });
    }).observe(root, { attributes: true, attributeFilter: ["data-number"] });
  }

  closed(code, reason) {
    document.getElementById("wrong").textContent = code === GONE ? "Another page is showing the instrument now." : `riffedu has stopped${reason ? `: ${reason}` : ""}. Start it again, and open the address that it prints.`;
  }
}

class Panel {
  constructor(root, order) {
    [this.root, this.order] = [root, order];
    this.big = el("dialog", { onclick: () => this.big.close() });
    this.corners = el("ul", { "aria-label": "The corners" });
  }

  build(told) {
    this.built = true;
    if (told.replay) {
      return this.root.append(el("p", {}, `${told.replay}: ${told.pieces} pieces, as the class played them. Press play.`), this.corners);
    }
    this.qr = el("img", { alt: "QR code with the address and the join code" });
    this.code = el("p", { className: "code" });
    this.count = el("summary", {});
    this.phones = el("ul");
    this.lock = toggle("no new phones", "Admit no more phones", (on) => this.order("lock", on));
    this.pause = toggle("pause phones", "Take no prompts from phones", (on) => this.order("pause", on));
    this.file = el("p", { className: "riffedu-facts" });
    this.root.append(
      el("button", { className: "qr", type: "button", title: "Enlarge the QR code", onclick: () => this.big.showModal() }, this.qr),
      el("p", { className: "address" }, told.address),
      el("p", { className: "riffedu-wrong", hidden: told.reachable }, "No phone can reach this address: connect this machine to the phones' Wi-Fi and start again, or give its address there with --ip."),
      this.code, this.corners,
      el("div", { className: "switches" }, this.lock, this.pause, press("new code", "Change the code: phones that have joined stay", () => this.order("code"))),
      el("details", {}, this.count, this.phones), this.file, this.big,
    );
  }

  show(told) {
    if (!this.built) this.build(told);
    this.corners.replaceChildren(...told.corners.map((corner) => this.corner(corner)));
    if (told.replay) return;
    if (this.qr.src !== told.qr) {
      this.qr.src = told.qr;
      this.big.replaceChildren(el("img", { src: told.qr, alt: "" }), el("p", {}, told.address), el("p", {}, told.code));
    }
    this.code.textContent = told.code;
    pressed(this.lock, told.locked);
    pressed(this.pause, told.paused);
    this.count.textContent = `${told.phones.length} of ${told.most} phones`;
    this.phones.replaceChildren(...told.phones.map((phone) => this.phone(phone)));
    this.file.textContent = `Recording to ${told.file}`;
  }

  corner({ index, letter, prompt, by, next }) {
    const dot = el("i");
    dot.style.background = COLOURS[index];
    const more = next.length > 3 ? ` and ${next.length - 3} more` : "";
    const queue = next.length ? ` · next: ${next.slice(0, 3).join(", ")}${more}` : "";
    return el("li", {}, dot, el("b", {}, letter), ` “${prompt}”${by ? ` by ${by}` : ""}${queue}`);
  }

  phone({ name, corner, away }) {
    return el("li", { className: away ? "away" : "" }, `${name}, corner ${corner}${away ? " (away)" : ""} `, press("remove", `Remove ${name}`, () => this.order("remove", name)));
  }
}

new Link();
