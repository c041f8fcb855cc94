/* First phases from magnitudes alone: lesson 06's phase gradient heap integration (riffedu.signal.pghi). */

import { Twister } from "./noise.js";

const TOLERANCE = 1e-3; // of the loudest: quieter bins get a random phase
const BUCKETS = 4096; // of loudness, for sorting

/** Phases for `magnitude`, frame after frame of `rows` numbers, as a Float32Array of its size.

    The phase differs from one bin to the next by slopes that follow from the magnitudes (Portnoff
    1979). Loud bins are joined first, along the loudest edges, so that each sum runs where the slopes
    are most reliable: a maximum spanning tree. */
export function firstPhases(magnitude, rows, { nFft, hop, window }) {
  const twister = new Twister(0);
  const phases = new Float32Array(magnitude.length).map(() => 2 * Math.PI * twister.uniform());
  const loudest = magnitude.reduce((most, v) => Math.max(most, v), 0);
  if (!loudest) return phases;
  const log = magnitude.map((v) => Math.log(Math.max(v, 1e-10 * loudest)));
  const known = (i) => magnitude[i] > TOLERANCE * loudest;
  const slopes = new Slopes(log, rows, nFft, hop, window);
  const forest = new Forest(magnitude.length);
  for (const edge of loudestFirst(log, rows, known, Math.log(loudest))) {
    const i = edge >> 1;
    if (edge & 1) forest.join(i, i + rows, slopes.alongTime(i));
    else forest.join(i, i + 1, slopes.alongFrequency(i));
  }
  for (let i = 0; i < phases.length; i++) {
    if (known(i)) phases[i] = forest.find(i).phase % (2 * Math.PI);
  }
  return phases;
}

/** Edges between neighbours that are both known, as 2 i (to the next row) or 2 i + 1 (to the next
    frame), in the order of the product of their magnitudes, up to the width of a bucket. */
function loudestFirst(log, rows, known, top) {
  const range = -2 * Math.log(TOLERANCE);
  const edges = [];
  for (let i = 0; i < log.length; i++) {
    if (!known(i)) continue;
    if ((i + 1) % rows && known(i + 1)) edges.push(2 * i);
    if (i + rows < log.length && known(i + rows)) edges.push(2 * i + 1);
  }
  const bucket = (edge) => {
    const i = edge >> 1;
    const down = 2 * top - log[i] - log[edge & 1 ? i + rows : i + 1];
    return Math.max(0, Math.min(BUCKETS - 1, Math.floor((BUCKETS * down) / range)));
  };
  const starts = new Uint32Array(BUCKETS + 1);
  for (const edge of edges) starts[bucket(edge) + 1]++;
  for (let b = 0; b < BUCKETS; b++) starts[b + 1] += starts[b];
  const sorted = new Uint32Array(edges.length);
  for (const edge of edges) sorted[starts[bucket(edge)]++] = edge;
  return sorted;
}

/** The phase differences to the next frame and to the next row, each the mean of its two bins'. */
class Slopes {
  constructor(log, rows, nFft, hop, window) {
    Object.assign(this, { log, rows });
    const hann = (n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window);
    let [sum, beside] = [0, 0];
    for (let n = 0; n < window; n++) {
      sum += hann(n);
      beside += hann(n) * Math.cos((2 * Math.PI * (n - window / 2)) / nFft);
    }
    const c = (Math.PI * hop) / nFft;
    this.perRow = c / Math.log(sum / beside);
    this.perHop = -c / Math.log(1 / hann(window / 2 + hop));
    this.turn = (2 * Math.PI * hop) / nFft; // of row 1 in a hop
    this.centre = (-2 * Math.PI * (Math.floor((nFft - window) / 2) + window / 2)) / nFft;
  }

  time(i) {
    const k = i % this.rows;
    const inside = k > 0 && k < this.rows - 1;
    return k * this.turn + (inside ? ((this.log[i + 1] - this.log[i - 1]) / 2) * this.perRow : 0);
  }

  frequency(i) {
    const [before, after] = [i - this.rows, i + this.rows];
    const inside = before >= 0 && after < this.log.length;
    return this.centre + (inside ? ((this.log[after] - this.log[before]) / 2) * this.perHop : 0);
  }

  alongTime(i) {
    return (this.time(i) + this.time(i + this.rows)) / 2;
  }

  alongFrequency(i) {
    return (this.frequency(i) + this.frequency(i + 1)) / 2;
  }
}

/** Trees of bins; each bin knows its phase relative to its parent, so a sum of a few gives any. */
class Forest {
  constructor(count) {
    this.parent = Int32Array.from({ length: count }, (_, i) => i);
    this.size = new Int32Array(count).fill(1);
    this.phase = new Float64Array(count); // relative to the parent's
  }

  /** The root of a bin's tree and the bin's phase relative to it; the way there is shortened. */
  find(i) {
    let [root, phase] = [i, 0];
    while (this.parent[root] !== root) {
      phase += this.phase[root];
      root = this.parent[root];
    }
    let rest = phase;
    while (this.parent[i] !== root && i !== root) {
      const [above, step] = [this.parent[i], this.phase[i]];
      this.parent[i] = root;
      this.phase[i] = rest;
      rest -= step;
      i = above;
    }
    return { root, phase };
  }

  /** Join the trees of bins a and b, whose phases differ by `step`, unless they are one already. */
  join(a, b, step) {
    const [from, to] = [this.find(a), this.find(b)];
    if (from.root === to.root) return;
    const between = from.phase + step - to.phase; // phase of b's root relative to a's
    const down = this.size[from.root] >= this.size[to.root];
    const [above, below] = down ? [from.root, to.root] : [to.root, from.root];
    this.parent[below] = above;
    this.phase[below] = down ? between : -between;
    this.size[above] += this.size[below];
  }
}
