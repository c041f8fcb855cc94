/* The page: keeps itself for offline use, opens the instrument, and says how the loading goes. */

import instrument from "./instrument.js";
import { PageModel } from "./model.js";

const PATIENCE = 600; // seconds of repeats: a slow phone is not a kernel that died

/** Let offline.js keep the files. Its pages are also isolated, which lets the networks use several
    threads: so a page that was opened without it is opened once more. */
async function keepFiles() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register("./offline.js");
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
    }
    if (!crossOriginIsolated && window === top && !sessionStorage.getItem("riffedu-opened-again")) {
      sessionStorage.setItem("riffedu-opened-again", "yes");
      location.reload();
      await new Promise(() => {});
    }
  } catch {} // then it works online, with one thread
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
  worker.addEventListener("error", () => (words.textContent = "This browser cannot run the model: it needs module workers and WebAssembly."));
}

async function open() {
  await keepFiles();
  const [facts, listed] = await Promise.all(["./facts.json", "./files.json"].map(async (name) => (await fetch(name)).json()));
  const worker = new Worker("./worker.js", { type: "module" });
  showLoading(worker, listed.download);
  const root = document.getElementById("instrument");
  instrument.render({ model: new PageModel(facts, worker), el: root });
  root.instrument.band.patience = PATIENCE;
}

open().catch((error) => (document.getElementById("loading-words").textContent = `The page could not be opened: ${error.message}`));
