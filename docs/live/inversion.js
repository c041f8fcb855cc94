/* From the mel amplitudes of a picture to sound: riffedu.signal.inversion's quality "fast".

   A frame is a column of the picture. Frames are transformed two at a time, one as the real part and
   one as the imaginary part of a complex signal. */

import { Fourier } from "./fft.js";
import { firstPhases } from "./phases.js";

const AHEAD = 0.99 / 1.99; // how far fast Griffin-Lim extrapolates (momentum 0.99)
const TINY = 1e-12;

/** Overlapping Hann windows of `window` samples every `hop`, zero-padded to `nFft`, centred. */
class Frames {
  constructor({ nFft, hop, window }) {
    Object.assign(this, { nFft, hop, window, rows: nFft / 2 + 1 });
    this.fourier = new Fourier(nFft);
    this.margin = Math.floor((nFft - window) / 2);
    this.hann = Float64Array.from({ length: window }, (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * n) / window));
    this.re = new Float64Array(nFft);
    this.im = new Float64Array(nFft);
  }

  /** The spectra of frames t and t + 1 of a sound, which is mirrored at its ends, to `a` and `b`. */
  analyse(sound, t, a, b) {
    const { nFft, hop, hann, margin, re, im, rows } = this;
    re.fill(0);
    im.fill(0);
    const last = sound.length - 1;
    const start = t * hop + margin - nFft / 2;
    for (let n = 0; n < hann.length; n++) {
      re[margin + n] = hann[n] * sound[mirrored(start + n, last)];
      im[margin + n] = hann[n] * sound[mirrored(start + hop + n, last)];
    }
    this.fourier.forward(re, im);
    for (let k = 0; k < rows; k++) {
      const m = k ? nFft - k : 0;
      a.re[k] = (re[k] + re[m]) / 2;
      a.im[k] = (im[k] - im[m]) / 2;
      b.re[k] = (im[k] + im[m]) / 2;
      b.im[k] = (re[m] - re[k]) / 2;
    }
  }

  /** Add frames t and t + 1, given as spectra of any number of rows, to a sound. */
  synthesise(a, b, t, sound) {
    const { nFft, hop, hann, margin, re, im } = this;
    re.fill(0);
    im.fill(0);
    for (let k = 0; k < a.re.length; k++) {
      const edge = k === 0 || 2 * k === nFft; // real in a real sound
      const aIm = edge ? 0 : a.im[k];
      const bIm = edge ? 0 : b.im[k];
      re[k] = a.re[k] - bIm;
      im[k] = aIm + b.re[k];
      if (edge) continue;
      re[nFft - k] = a.re[k] + bIm;
      im[nFft - k] = b.re[k] - aIm;
    }
    this.fourier.backward(re, im);
    const start = t * hop + margin - nFft / 2;
    for (let n = 0; n < hann.length; n++) {
      const scaled = hann[n] / nFft;
      if (start + n >= 0 && start + n < sound.length) sound[start + n] += scaled * re[margin + n];
      const later = start + hop + n;
      if (later >= 0 && later < sound.length) sound[later] += scaled * im[margin + n];
    }
  }

  /** 1 / Σ w² at each sample, which turns the sum of `count` frames into the sound. */
  weights(count, length) {
    const sum = new Float64Array(length);
    for (let t = 0; t < count; t++) {
      const start = t * this.hop + this.margin - this.nFft / 2;
      for (let n = Math.max(0, -start); n < this.window && start + n < length; n++) sum[start + n] += this.hann[n] ** 2;
    }
    return sum.map((w) => (w > 1e-10 ? 1 / w : 0));
  }
}

const mirrored = (i, last) => (i < 0 ? -i : i > last ? 2 * last - i : i);
const spectrum = (rows) => ({ re: new Float64Array(rows), im: new Float64Array(rows) });

/** The filterbank, as a sparse matrix: bands × rows of the spectrum. */
class Bank {
  constructor({ starts, rows, weights }, count) {
    [this.starts, this.rows, this.weights] = [Int32Array.from(starts), Int32Array.from(rows), Float64Array.from(weights)];
    this.sums = new Float64Array(count);
    this.rows.forEach((row, i) => (this.sums[row] += this.weights[i]));
    this.wanted = new Float64Array(count);
  }

  /** Scale the magnitudes of a frame towards its mel amplitudes (Lee and Seung 2000), in place. */
  fit(magnitude, mel) {
    const { starts, rows, weights, sums, wanted } = this;
    wanted.fill(0);
    for (let band = 0; band + 1 < starts.length; band++) {
      let present = 0;
      for (let i = starts[band]; i < starts[band + 1]; i++) present += weights[i] * magnitude[rows[i]];
      const lacks = mel[band] / Math.max(present, TINY);
      for (let i = starts[band]; i < starts[band + 1]; i++) wanted[rows[i]] += weights[i] * lacks;
    }
    for (let k = 0; k < magnitude.length; k++) magnitude[k] *= wanted[k] / Math.max(sums[k], TINY);
  }
}

/** Turns mel amplitudes into sound; `facts` are the numbers of riffedu.app.web_page. */
export class Inversion {
  constructor(facts) {
    Object.assign(this, { grid: facts.grid, full: facts.full, stride: facts.stride, iterations: facts.iterations });
    this.few = new Frames({ ...this.grid, hop: this.grid.hop * this.stride });
    this.every = new Frames(this.grid);
    this.out = new Frames(this.full);
    this.bank = new Bank(facts.bank, this.every.rows);
  }

  /** `mel(t)` are the amplitudes of column t, lowest band first; an even number of `columns`. */
  sound(mel, columns) {
    const { few, stride, grid } = this;
    const count = columns / stride;
    const length = columns * grid.hop;
    const weights = few.weights(count, length);
    let wave = this.begin((t) => mel(t * stride), count, length, weights);
    const before = { re: new Float32Array(count * few.rows), im: new Float32Array(count * few.rows) };
    for (let i = 0; i < this.iterations; i++) wave = this.improve(wave, (t) => mel(t * stride), count, before, weights);
    return this.fullRate(wave, mel, columns);
  }

  /** The first guess: smooth magnitudes and the phases that follow from them. */
  begin(mel, count, length, weights) {
    const { few, bank } = this;
    const { rows } = few;
    const magnitude = new Float32Array(count * rows).fill(1);
    for (let t = 0; t < count; t++) {
      const frame = magnitude.subarray(t * rows, (t + 1) * rows);
      for (let i = 0; i < 3; i++) bank.fit(frame, mel(t));
    }
    const phases = firstPhases(magnitude, rows, few);
    const wave = new Float64Array(length);
    const pair = [spectrum(rows), spectrum(rows)];
    for (let t = 0; t < count; t += 2) {
      pair.forEach((each, p) => {
        for (let k = 0, i = (t + p) * rows; k < rows; k++, i++) {
          each.re[k] = magnitude[i] * Math.cos(phases[i]);
          each.im[k] = magnitude[i] * Math.sin(phases[i]);
        }
      });
      few.synthesise(...pair, t, wave);
    }
    return wave.map((v, i) => v * weights[i]);
  }

  /** One iteration of fast Griffin-Lim: to the spectrum of the sound, and back with fitted magnitudes. */
  improve(wave, mel, count, before, weights) {
    const { few, bank } = this;
    const { rows } = few;
    const next = new Float64Array(wave.length);
    const [pair, magnitude] = [[spectrum(rows), spectrum(rows)], new Float64Array(rows)];
    for (let t = 0; t < count; t += 2) {
      few.analyse(wave, t, ...pair);
      pair.forEach(({ re, im }, p) => {
        for (let k = 0; k < rows; k++) magnitude[k] = Math.sqrt(re[k] * re[k] + im[k] * im[k]);
        bank.fit(magnitude, mel(t + p));
        for (let k = 0, i = (t + p) * rows; k < rows; k++, i++) {
          const x = re[k] - AHEAD * before.re[i];
          const y = im[k] - AHEAD * before.im[i];
          const scale = magnitude[k] / Math.max(Math.sqrt(x * x + y * y), 1e-20);
          before.re[i] = re[k];
          before.im[i] = im[k];
          re[k] = x * scale;
          im[k] = y * scale;
        }
      });
      few.synthesise(...pair, t, next);
    }
    return next.map((v, i) => v * weights[i]);
  }

  /** The sound at the full sample rate: every column once more, its upper rows empty. */
  fullRate(wave, mel, columns) {
    const { every, out, bank, grid } = this;
    const { rows } = every;
    const sound = new Float64Array(columns * this.full.hop);
    const [pair, magnitude] = [[spectrum(rows), spectrum(rows)], new Float64Array(rows)];
    for (let t = 0; t < columns; t += 2) {
      every.analyse(wave, t, ...pair);
      pair.forEach(({ re, im }, p) => {
        for (let k = 0; k < rows; k++) magnitude[k] = Math.sqrt(re[k] * re[k] + im[k] * im[k]);
        const found = magnitude.slice();
        bank.fit(magnitude, mel(t + p));
        for (let k = 0; k < rows; k++) {
          const scale = (grid.scale * magnitude[k]) / Math.max(found[k], 1e-20);
          re[k] *= scale;
          im[k] *= scale;
        }
      });
      out.synthesise(...pair, t, sound);
    }
    const weights = out.weights(columns, sound.length);
    return quietStart(sound.map((v, i) => v * weights[i]));
  }
}

/** Fade the first 2 ms in where they are louder than the 18 ms after them. */
function quietStart(sound, rate = 44100) {
  const [first, then] = [Math.floor(rate / 500), Math.floor(rate / 50)];
  const peak = (from, to) => sound.subarray(from, to).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  if (peak(0, first) <= peak(first, then)) return sound;
  for (let i = 0; i < first; i++) sound[i] *= Math.sin((Math.PI * (i + 0.5)) / (2 * first)) ** 2;
  return sound;
}
