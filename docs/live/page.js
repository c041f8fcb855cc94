/* The page: keeps itself for offline use, opens the instrument, and says how the loading goes. */

import instrument from "./instrument.js";
import { PageModel } from "./model.js";

const LONGEST_WAIT = 20; // seconds for offline.js; then the page works without it
const OPENED_AGAIN = "riffedu-opened-again";
const LEAD = 3.8; // seconds: with one clip ahead, a moved dot is heard in the second clip from now
const PATIENCE = 600; // seconds of repeats: a slow phone is not a kernel that died

/** Let offline.js keep the files; whether it does. */
async function keepFiles() {
  const { serviceWorker } = navigator;
  if (!serviceWorker || !(await serviceWorker.register("./offline.js"))) return false;
  await serviceWorker.ready;
  if (!serviceWorker.controller) {
    await new Promise((resolve) => serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  }
  return true;
}

/** What offline.js answers is also isolated, which lets the networks use several threads. A page that
    was opened before offline.js was there is therefore opened once more. */
async function prepare() {
  const late = new Promise((resolve) => setTimeout(resolve, 1000 * LONGEST_WAIT, false));
  const kept = await Promise.race([keepFiles().catch(() => false), late]);
  if (!kept || crossOriginIsolated || window !== top || sessionStorage.getItem(OPENED_AGAIN)) return;
  sessionStorage.setItem(OPENED_AGAIN, "yes");
  location.reload();
  await new Promise(() => {});
}

function showLoading(worker, total) {
  const [box, bar, words] = ["loading", "loaded", "loading-words"].map((id) => document.getElementById(id));
  worker.addEventListener("message", ({ data }) => {
    if (data.type === "loading") {
      bar.value = Math.min(1, data.loaded / total);
      const mega = (bytes) => (bytes / 1e6).toFixed(0);
      words.textContent = data.loaded < total ? `Loading the model: ${mega(data.loaded)} of ${mega(total)} MB` : "Opening the model …";
    } else if (data.type === "ready") {
      box.hidden = true;
      document.body.dataset.threads = data.threads;
    } else if (data.type === "failed") words.textContent = `The model could not be opened: ${data.message}`;
  });
  worker.addEventListener("error", () => (words.textContent = "This browser cannot run the model, which needs module workers and WebAssembly."));
}

async function open() {
  await prepare();
  const [facts, listed] = await Promise.all(["./facts.json", "./files.json"].map(async (name) => (await fetch(name)).json()));
  const worker = new Worker("./worker.js", { type: "module" });
  showLoading(worker, listed.download);
  const root = document.getElementById("instrument");
  instrument.render({ model: new PageModel(facts, worker), el: root });
  Object.assign(root.instrument.band, { patience: PATIENCE, longestLead: LEAD });
}

open().catch((error) => (document.getElementById("loading-words").textContent = `The page could not be opened: ${error.message}`));
