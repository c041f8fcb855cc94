/* The thread that makes the music: it takes the place of Python behind the instrument. */

import { Music } from "./music.js";
import { loadNetworks } from "./networks.js";

class Outdated extends Error {}

let run = 0; // a restart makes what is being made outdated
let queue = Promise.resolve();

const facts = fetch(new URL("./facts.json", import.meta.url)).then((response) => response.json());
const music = facts.then(begin);
music.catch((error) => postMessage({ type: "failed", message: error.message }));

async function begin(facts) {
  let loaded = 0;
  const networks = await loadNetworks(facts, (bytes) => postMessage({ type: "loading", loaded: (loaded += bytes) }));
  const music = new Music(facts, networks);
  postMessage({ type: "ready", threads: networks.threads });
  return music;
}

const pause = () => new Promise((resolve) => setTimeout(resolve));

async function next({ settings, request }, mine) {
  const stopped = async () => {
    await pause(); // for a restart to be heard
    if (mine !== run) throw new Outdated();
  };
  try {
    const maker = await music;
    const began = performance.now();
    const piece = await maker.next(settings, stopped);
    const took = (performance.now() - began) / 1000;
    postMessage({ type: "piece", request, took, ...piece }, [piece.samples.buffer, piece.pixels.buffer]);
  } catch (error) {
    if (!(error instanceof Outdated)) postMessage({ type: "wrong", request, message: error.message });
  }
}

onmessage = ({ data }) => {
  if (data.type === "restart") {
    run += 1;
    queue = queue.then(async () => (await music).restart());
  } else if (data.type === "next") {
    const mine = run;
    queue = queue.then(() => next(data, mine));
  }
};
