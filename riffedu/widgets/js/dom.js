/* Small things for building a widget's page. */

/** An element: attributes by name, functions as listeners (`onclick`), then its children. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Keys that are pressed in a widget are its own: JupyterLab would take A for a new cell, D D for
    deleting one. Chords with Ctrl or Cmd, such as Ctrl S, are the page's, except Ctrl Z. */
function keepKeys(root, signal) {
  const own = (event) => !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() === "z";
  const mark = (event) => {
    if (own(event)) root.dataset.lmSuppressShortcuts = "true";
    else delete root.dataset.lmSuppressShortcuts; // JupyterLab reads it before the root hears of the key
  };
  root.dataset.lmSuppressShortcuts = "true";
  addEventListener("keydown", (event) => root.contains(event.target) && mark(event), { capture: true, signal });
  root.addEventListener("keydown", (event) => own(event) && event.stopPropagation(), { signal });
}

/** Call `action` when JupyterLab or the system changes between light and dark. */
function onTheme(action, signal) {
  const observer = new MutationObserver(() => action());
  observer.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-name", "data-jp-theme-light"] });
  signal.addEventListener("abort", () => observer.disconnect());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", action, { signal });
}

/** ipywidgets gives the handles of its sliders no name: give them that of the label beside them, now and
    whenever there are new ones. */
function nameSliders() {
  if (globalThis.riffeduNames) return;
  let due = null;
  const name = () => {
    due = null;
    for (const handle of document.querySelectorAll(".noUi-handle:not([aria-label])")) {
      const label = handle.closest(".jupyter-widgets")?.querySelector(".widget-label, label");
      if (label?.textContent) handle.setAttribute("aria-label", label.textContent);
    }
  };
  globalThis.riffeduNames = new MutationObserver(() => (due ??= setTimeout(name, 300)));
  globalThis.riffeduNames.observe(document.body, { childList: true, subtree: true });
}

/** A button with a sign on it and words for the tooltip and for screen readers. */
function press(sign, words, action, attributes = {}) {
  return el("button", { type: "button", title: words, "aria-label": words, onclick: action, ...attributes }, sign);
}

/** A button that is on or off. */
function toggle(sign, words, action) {
  const button = press(sign, words, () => action(button.getAttribute("aria-pressed") !== "true"));
  button.setAttribute("aria-pressed", "false");
  return button;
}

function pressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

/** A "?" button and the list of keys that it opens; `rows` are pairs of keys and what they do. */
function keyHelp(rows) {
  const list = el("div", { className: "riffedu-keys", id: `riffedu-keys-${Math.random().toString(36).slice(2)}`, hidden: true },
    el("dl", {}, ...rows.flatMap(([keys, words]) => [el("dt", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("dd", {}, words)])));
  const turn = () => {
    list.hidden = !list.hidden;
    button.setAttribute("aria-expanded", String(!list.hidden));
  };
  const button = press("?", "Keyboard shortcuts (?)", turn, { className: "riffedu-help", "aria-expanded": "false", "aria-controls": list.id });
  return { button, list, turn };
}

/** Minutes, seconds and hundredths: 1:02.50. */
function clock(seconds) {
  const whole = Math.floor(seconds / 60);
  return `${whole}:${(seconds - 60 * whole).toFixed(2).padStart(5, "0")}`;
}

/** The page's volume and what is heard through it: a slider, its decibels and a level bar. */
function volumeAndMeter() {
  const said = el("output", { className: "riffedu-decibels" });
  const slider = el("input", {
    type: "range", min: QUIETEST, max: 0, step: 1, title: "Volume of the whole page; never louder than the sound itself",
    "aria-label": "Volume in decibels",
    oninput: () => (speaker().decibels = slider.value),
  });
  const bar = el("i");
  const meter = el("div", { className: "riffedu-meter", role: "meter", "aria-label": "Level in dBFS", "aria-valuemin": -60, "aria-valuemax": 0 }, bar);
  const show = () => {
    const decibels = globalThis.riffeduSpeaker?.decibels ?? 0;
    slider.value = decibels;
    said.textContent = decibels <= QUIETEST ? "off" : decibels === 0 ? "0 dB" : `−${-decibels} dB`;
    slider.setAttribute("aria-valuetext", said.textContent);
  };
  show();
  let told = false;
  return {
    nodes: [el("label", { className: "riffedu-volume" }, "Volume ", slider, said), meter],
    /** Call on every frame while something plays, and once with `false` when it ends. */
    update(playing) {
      if (!told && globalThis.riffeduSpeaker) {
        told = true;
        globalThis.riffeduSpeaker.addEventListener("volume", show);
        show();
      }
      const level = playing ? speaker().level() : { rms: -120, peak: -120 };
      const share = (decibels) => Math.max(0, Math.min(100, (100 * (decibels + 60)) / 60));
      bar.style.width = `${share(level.rms)}%`;
      bar.style.boxShadow = `${Math.round((share(level.peak) - share(level.rms)) * 0.6)}px 0 0 0 var(--riffedu-peak)`;
      meter.setAttribute("aria-valuenow", Math.round(Math.max(-60, level.rms)));
      meter.title = playing ? `RMS ${level.rms.toFixed(0)} dBFS, peak ${level.peak.toFixed(0)} dBFS` : "Level: nothing is playing";
    },
    close() {
      globalThis.riffeduSpeaker?.removeEventListener("volume", show);
    },
  };
}
