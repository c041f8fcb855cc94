/* Endless music, piece by piece: riffedu.music.stream, with a picture and a sound for each piece. */

import { Inversion } from "./inversion.js";
import { normal } from "./noise.js";
import { denoise, fourCorners, guided } from "./sampler.js";

const RATE = 44100;
const SHARED = 0.25; // of a piece, in common with the one before
const LINEAR = 0.9; // above it, sums of two sounds are bent
const AFTER = 0.03; // seconds of what would follow a piece

export class Music {
  /** `unet(latents, timestep, states)` and `decoder(latents)` are the networks, `states(prompt)` the
      token states of a prompt that is known. */
  constructor(facts, { unet, decoder, states }) {
    Object.assign(this, { facts, unet, decoder, states });
    [this.channels, this.rows, this.columns] = facts.latents;
    this.shared = Math.max(1, Math.round(SHARED * this.columns));
    this.inversion = new Inversion(facts);
    this.restart();
  }

  restart() {
    Object.assign(this, { number: 0, latents: null, tail: null });
  }

  /** The next piece for settings named as in riffedu.music.instrument.PieceSettings. */
  async next(settings, stopped = () => null) {
    const latents = await this.nextLatents(settings, stopped);
    const pixels = pictureOf(await this.decoder(latents));
    await stopped();
    const piece = this.pieceOf(pixels);
    Object.assign(this, { latents, number: this.number + 1 });
    return piece;
  }

  /** Latents whose first columns are the last ones of the piece before. */
  nextLatents({ prompts, x, y, seed, steps, guidance_scale: scale }, stopped) {
    const { latents: before, shared, columns, facts } = this;
    const text = fourCorners(prompts.map(this.states), x, y);
    const noise = normal(seed + this.number, this.channels * this.rows * columns);
    const known = new Float32Array(noise.length);
    const kept = (i) => before !== null && i % columns < shared;
    if (before) noise.forEach((_, i) => kept(i) && (known[i] = before[i + columns - shared]));
    const predict = guided(this.unet, text, this.states(""), scale, facts.guidanceBelow);
    return denoise(predict, noise, known, kept, facts.levels[steps - 1], stopped);
  }

  /** The piece of a picture, cross-faded from the tail of the one before, and the new tail. */
  pieceOf(pixels) {
    const { facts } = this;
    const height = this.rows * facts.compression;
    const width = this.columns * facts.compression;
    const level = Float64Array.from({ length: 256 }, (_, p) => ((255 - p) / 255) ** (1 / facts.power));
    const column = new Float64Array(height);
    const mel = (t) => {
      for (let row = 0; row < height; row++) column[row] = level[pixels[(height - 1 - row) * width + t]];
      return column;
    };
    const sound = atLevel(this.inversion.sound(mel, width), facts.rmsDb, facts.peakDb);
    const kept = this.shared * facts.compression * facts.full.hop;
    this.tail?.forEach((old, i) => {
      // One sound twice, but with phases found anew: powers add, not amplitudes.
      const angle = (Math.PI / 2) * ((i + 0.5) / kept);
      sound[i] = old * Math.cos(angle) + sound[i] * Math.sin(angle);
    });
    const end = sound.length - kept;
    this.tail = sound.slice(end);
    const played = sound.subarray(0, end + Math.round(AFTER * RATE));
    const shown = Math.floor(end / facts.full.hop);
    return {
      number: this.number,
      samples: Int16Array.from(played, (v) => Math.round(Math.max(-1, Math.min(32767 / 32768, softClip(v))) * 32768)),
      after: played.length - end,
      pixels: leftColumns(pixels, height, width, shown),
      rows: height,
      columns: shown,
      period: (period(pixels, height, width, facts.columnMs) * facts.columnMs) / 1000,
    };
  }
}

/** Grey levels of what the decoder drew, top row first; halves are rounded to even, as in NumPy. */
export function pictureOf(drawn) {
  return Uint8Array.from(drawn, (v) => {
    const grey = Math.fround((Math.max(-1, Math.min(1, v)) + 1) * 127.5);
    const whole = Math.floor(grey);
    return grey - whole === 0.5 ? whole + (whole % 2) : Math.round(grey);
  });
}

/** Scale a sound to an RMS level, or to a peak if that is lower. */
function atLevel(sound, rmsDb, peakDb) {
  let [power, peak] = [0, 0];
  for (const v of sound) {
    power += v * v;
    peak = Math.max(peak, Math.abs(v));
  }
  if (!peak) return sound;
  const gain = Math.min(10 ** (rmsDb / 20) / Math.sqrt(power / sound.length), 10 ** (peakDb / 20) / peak);
  return sound.map((v) => gain * v);
}

function softClip(v) {
  const over = (Math.abs(v) - LINEAR) / (1 - LINEAR);
  return over > 0 ? Math.sign(v) * (LINEAR + (1 - LINEAR) * Math.tanh(over)) : v;
}

function leftColumns(pixels, height, width, count) {
  const out = new Uint8Array(height * count);
  for (let row = 0; row < height; row++) out.set(pixels.subarray(row * width, row * width + count), row * count);
  return out;
}

/** The columns after which a picture is most like itself: riffedu.music.continuation.period. */
export function period(pixels, height, width, columnMs) {
  const second = Math.round(1000 / columnMs);
  const near = Math.max(1, Math.round(10 / columnMs));
  const deep = Math.max(1, Math.floor(height / 64)); // rows in a band
  const count = width - 1 - 2 * near;
  const smooth = [];
  for (let top = 0; top < height; top += deep) {
    const dark = new Float64Array(width);
    for (let row = top; row < Math.min(height, top + deep); row++) {
      for (let t = 0; t < width; t++) dark[t] += 255 - pixels[row * width + t];
    }
    const onset = Float64Array.from({ length: width - 1 }, (_, t) => Math.max(0, dark[t + 1] - dark[t]));
    const band = new Float64Array(count);
    for (let shift = -near; shift <= near; shift++) {
      for (let t = 0; t < count; t++) band[t] += (near + 1 - Math.abs(shift)) * onset[near + shift + t];
    }
    const mean = band.reduce((sum, v) => sum + v, 0) / count;
    smooth.push(band.map((v) => v - mean));
  }
  let [best, most] = [width, -Infinity];
  for (let lag = second; lag < Math.floor((3 * width) / 4); lag++) {
    let [both, now, then] = [0, 0, 0];
    for (const band of smooth) {
      for (let t = 0; t + lag < count; t++) {
        both += band[t] * band[t + lag];
        now += band[t] * band[t];
        then += band[t + lag] * band[t + lag];
      }
    }
    const alike = both / (Math.sqrt(now * then) + 1e-9);
    if (alike > most) [best, most] = [lag, alike];
  }
  return best;
}
