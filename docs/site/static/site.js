/* Wake the players: the widget of the notebooks, with files in the place of a kernel. */

import player from "./player.js";

/** What anywidget gives a view: names with values. Nobody at the other end hears of changes. */
class Still {
  constructor(state) {
    this.state = state;
  }
  get(name) {
    return this.state[name];
  }
  set(name, value) {
    this.state[name] = value;
  }
  on() {}
  off() {}
  save_changes() {}
  send() {}
}

const RATE = 44100;
const EMPTY = new DataView(new ArrayBuffer(0));

async function fetched(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

/** A sound file as the 16-bit samples that Python would send. */
async function samples(address) {
  const bytes = await (await fetched(address)).arrayBuffer();
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
  const count = sound.numberOfChannels;
  const out = new Int16Array(sound.length * count);
  for (let c = 0; c < count; c++) {
    sound.getChannelData(c).forEach((x, i) => (out[i * count + c] = Math.max(-32768, Math.min(32767, Math.round(32768 * x)))));
  }
  return new DataView(out.buffer);
}

/** A picture file as grey pixels. */
async function pixels(address) {
  const image = await createImageBitmap(await (await fetched(address)).blob(), { colorSpaceConversion: "none" });
  const canvas = new OffscreenCanvas(image.width, image.height);
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  return new DataView(Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]).buffer);
}

/** Put the player in the place of the picture and the browser's own player, or leave them there. */
async function wake(still) {
  const { href } = new URL(still.dataset.player, location);
  const state = await (await fetched(href)).json();
  const [sounds, pictures] = await Promise.all([
    Promise.all(state.sounds.map((name) => samples(new URL(name, href)))),
    Promise.all(state.pictures.map((name) => pixels(new URL(name, href)))),
  ]);
  const model = new Still({
    ...state, message: "", stroke: 0, paint: false, record: false,
    sound: sounds[0] ?? EMPTY, sound_b: sounds[1] ?? EMPTY,
    picture: pictures[0] ?? EMPTY, picture_b: pictures[1] ?? EMPTY,
  });
  const root = document.createElement("div");
  still.replaceChildren(root);
  player.render({ model, el: root });
}

/** Several sounds in one place, chosen by name. */
function shelve(shelf) {
  const stills = [...shelf.children];
  const buttons = stills.map((still, chosen) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = still.querySelector("b").textContent;
    button.onclick = () => {
      globalThis.riffeduSpeaker?.stopOwner?.();
      stills.forEach((each, i) => (each.hidden = i !== chosen));
      buttons.forEach((each, i) => each.setAttribute("aria-pressed", String(i === chosen)));
    };
    return button;
  });
  const names = document.createElement("div");
  names.className = "riffedu-names";
  names.append(...buttons);
  shelf.prepend(names);
  buttons[0].click();
}

/** The widgets ask JupyterLab's attribute whether the page is light or dark. */
function tellTheme() {
  document.body.dataset.jpThemeLight = String(document.documentElement.dataset.theme !== "dark");
}

/** What the theme's and Sphinx's pages leave out for screen readers. */
function mend() {
  for (const summary of document.querySelectorAll(".has-children > details > summary")) {
    summary.setAttribute("aria-label", `Pages under ${summary.closest("li").querySelector("a").textContent.trim()}`);
  }
  for (const part of document.querySelectorAll("dt dl, dt dl > dd")) part.setAttribute("role", "presentation");
}

mend();
if (location.protocol !== "file:") {
  document.querySelectorAll(".riffedu-shelf").forEach(shelve);
  const near = new IntersectionObserver(
    (seen) => {
      for (const { target } of seen.filter((each) => each.isIntersecting)) {
        near.unobserve(target);
        wake(target).catch((error) => console.warn(error.message));
      }
    },
    { rootMargin: "600px" },
  );
  document.querySelectorAll("[data-player]").forEach((still) => near.observe(still));
}
tellTheme();
new MutationObserver(tellTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] });
