/* The U-Net and the decoder, run by onnxruntime-web in WebAssembly, and the token states of prompts. */

import * as ort from "./vendor/ort.wasm.bundle.min.mjs";

const RUNTIME = "./vendor/ort-wasm-simd-threaded.wasm.gz";
const MOST_THREADS = 4;

/** Load everything that `Music` needs; `progress(bytes)` is told what has arrived, as it arrives. */
export async function loadNetworks(facts, progress) {
  const load = (name) => unpacked(name, progress);
  const [runtime, unet, decoder, states] = await Promise.all(
    [RUNTIME, "./unet.onnx.gz", "./decoder.onnx.gz", "./states.bin.gz"].map(load),
  );
  // Threads share memory, which a browser allows on isolated pages only; offline.js sees to that. Half
  // of the cores are left to the sound and the page.
  const half = Math.floor(navigator.hardwareConcurrency / 2);
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.max(1, Math.min(MOST_THREADS, half)) : 1;
  ort.env.wasm.wasmBinary = runtime;
  const open = (graph) => ort.InferenceSession.create(new Uint8Array(graph), { graphOptimizationLevel: "all" });
  const networks = { unet: await open(unet), decoder: await open(decoder) };
  return {
    threads: ort.env.wasm.numThreads,
    unet: (...inputs) => predict(networks.unet, facts, ...inputs),
    decoder: (latents) => draw(networks.decoder, facts, latents),
    states: statesOf(facts, new Float32Array(states)),
  };
}

/** Predictions for a list of latents and as many token states, in one run. */
async function predict(session, facts, latents, timestep, states) {
  const count = latents.length;
  const { prediction } = await session.run({
    latents: new ort.Tensor("float32", joined(latents), [count, ...facts.latents]),
    timestep: new ort.Tensor("float32", [timestep], []),
    states: new ort.Tensor("float32", joined(states), [count, ...facts.states]),
  });
  const size = prediction.data.length / count;
  return latents.map((_, i) => prediction.data.slice(i * size, (i + 1) * size));
}

async function draw(session, facts, latents) {
  const { pixels } = await session.run({ latents: new ort.Tensor("float32", latents, [1, ...facts.latents]) });
  return pixels.data;
}

function joined(arrays) {
  const out = new Float32Array(arrays.length * arrays[0].length);
  arrays.forEach((array, i) => out.set(array, i * array.length));
  return out;
}

/** The token states of a prompt by its text; "" is the empty prompt. */
function statesOf(facts, all) {
  const size = facts.states[0] * facts.states[1];
  const known = new Map(["", ...facts.choices].map((prompt, i) => [prompt, all.subarray(i * size, (i + 1) * size)]));
  return (prompt) => {
    if (!known.has(prompt)) throw new Error(`This page knows ${facts.choices.length} prompts; “${prompt}” is not one of them.`);
    return known.get(prompt);
  };
}

/** A file's bytes, unpacked if the server has not done so already. */
async function unpacked(name, progress) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} could not be loaded (${response.status}). Reload the page to try again.`);
  const count = new TransformStream({
    transform(chunk, out) {
      progress(chunk.byteLength);
      out.enqueue(chunk);
    },
  });
  const bytes = await new Response(response.body.pipeThrough(count)).arrayBuffer();
  const [first, second] = new Uint8Array(bytes, 0, 2);
  if (first !== 0x1f || second !== 0x8b) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
