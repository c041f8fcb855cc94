/* The browser's half of the one door for sound: one audio clock, one volume and one meter for the
   whole page, so that levels can be compared; nothing is ever turned up. */

const RATE = 44100; // what Python sends, and what the audio clock runs at: no resampling between
const QUIETEST = -40; // dB, the lower end of the volume slider; 0 dB is the sound as it is

/** What the whole page plays through. */
class Speaker extends EventTarget {
  constructor() {
    super();
    this.context = new AudioContext({ sampleRate: RATE });
    this.input = this.context.createGain();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 4096;
    this.input.connect(this.analyser).connect(this.context.destination);
    this.samples = new Float32Array(2048);
    this.volume = 0;
  }
  /** The volume in dB: 0 is the sound as it is, and the most there is. */
  get decibels() {
    return this.volume;
  }
  set decibels(value) {
    this.volume = Math.min(0, Math.max(QUIETEST, Number(value) || 0));
    const gain = this.volume <= QUIETEST ? 0 : 10 ** (this.volume / 20);
    this.input.gain.setTargetAtTime(gain, this.context.currentTime, 0.01);
    this.dispatchEvent(new Event("volume"));
  }
  /** How far what is heard lags behind `context.currentTime`, in seconds. */
  get latency() {
    return this.context.outputLatency || this.context.baseLatency || 0;
  }
  /** One thing plays at a time: `stop` is called when another takes over. */
  take(player, stop) {
    if (this.owner && this.owner !== player) this.stopOwner();
    [this.owner, this.stopOwner] = [player, stop];
    return this.context.resume();
  }
  /** RMS and peak of the last 46 ms, in dBFS. */
  level() {
    this.analyser.getFloatTimeDomainData(this.samples);
    let [sum, peak] = [0, 0];
    for (const x of this.samples) {
      sum += x * x;
      peak = Math.max(peak, Math.abs(x));
    }
    const rms = 10 * Math.log10(sum / this.samples.length + 1e-12);
    return { rms, peak: 20 * Math.log10(peak + 1e-6) };
  }
}

/** The page's one speaker, made when it is first asked for. */
function speaker() {
  return (globalThis.riffeduSpeaker ??= new Speaker());
}

/** Interleaved 16-bit samples (a DataView or ArrayBuffer) as one Float32Array a channel. */
function channelsOf(bytes, count) {
  const view = ArrayBuffer.isView(bytes) ? bytes : new DataView(bytes);
  if (count < 1 || view.byteLength % (2 * count)) {
    throw new Error(`The sound has ${view.byteLength} bytes, which is not a whole number of samples.`);
  }
  const length = view.byteLength / (2 * count);
  const data = new DataView(view.buffer, view.byteOffset, view.byteLength);
  const channels = Array.from({ length: count }, () => new Float32Array(length));
  for (let i = 0, at = 0; i < length; i++) {
    for (let c = 0; c < count; c++, at += 2) channels[c][i] = data.getInt16(at, true) / 32768;
  }
  return channels;
}

/** Float channels as interleaved 16-bit samples; what is over full scale is held there. */
function interleaved(channels) {
  const out = new Int16Array(channels.length * channels[0].length);
  channels.forEach((channel, c) => {
    for (let i = 0; i < channel.length; i++) {
      out[i * channels.length + c] = Math.max(-32768, Math.min(32767, Math.round(32768 * channel[i])));
    }
  });
  return out;
}

function audioBuffer(channels) {
  const buffer = new AudioBuffer({
    length: Math.max(1, channels[0].length),
    numberOfChannels: channels.length,
    sampleRate: RATE,
  });
  channels.forEach((channel, c) => buffer.copyToChannel(channel, c));
  return buffer;
}

/** A 16-bit WAV file; `record` is text that says how the sound was made, or "". */
function wavFile(channels, record = "") {
  const samples = interleaved(channels);
  const info = record ? infoChunk(record) : new Uint8Array(0);
  const head = new DataView(new ArrayBuffer(44));
  const word = (at, text) => [...text].forEach((c, i) => head.setUint8(at + i, c.charCodeAt(0)));
  word(0, "RIFF");
  head.setUint32(4, 36 + samples.byteLength + info.byteLength, true);
  word(8, "WAVEfmt ");
  head.setUint32(16, 16, true);
  head.setUint16(20, 1, true);
  head.setUint16(22, channels.length, true);
  head.setUint32(24, RATE, true);
  head.setUint32(28, RATE * 2 * channels.length, true);
  head.setUint16(32, 2 * channels.length, true);
  head.setUint16(34, 16, true);
  word(36, "data");
  head.setUint32(40, samples.byteLength, true);
  return new Blob([head, samples, info], { type: "audio/wav" });
}

/** A LIST INFO chunk with a comment, as riffedu.signal.files.tags writes it. */
function infoChunk(text) {
  const letters = new TextEncoder().encode(text + "\0");
  const even = letters.length + (letters.length % 2);
  const chunk = new DataView(new ArrayBuffer(20 + even));
  const word = (at, name) => [...name].forEach((c, i) => chunk.setUint8(at + i, c.charCodeAt(0)));
  word(0, "LIST");
  chunk.setUint32(4, 12 + even, true);
  word(8, "INFOICMT");
  chunk.setUint32(16, letters.length, true);
  letters.forEach((byte, i) => chunk.setUint8(20 + i, byte));
  return new Uint8Array(chunk.buffer);
}

/** Hand a file to the person. */
function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** What a label becomes in a file name. */
function fileName(label, ending) {
  const plain = label.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
  return `${plain.slice(0, 60) || "sound"}.${ending}`;
}

/** The first channel or two of any sound that the browser can decode, at RATE. */
async function decoded(blob) {
  const bytes = await blob.arrayBuffer();
  try {
    const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(bytes);
    const count = Math.min(2, sound.numberOfChannels);
    return Array.from({ length: count }, (_, c) => sound.getChannelData(c));
  } catch {
    throw new Error(`${blob.name || "This"} is not a sound that the browser can read: try WAV, MP3, OGG or FLAC.`);
  }
}

/** Filters that keep `low` to `high` Hz (0 or Infinity: open at that end), one after the other:
    Butterworth's eighth order at each edge, 48 dB an octave. */
function bandFilters(context, low, high) {
  const quality = [0.50979558, 0.60134489, 0.89997622, 2.5629154];
  const edge = (type, frequency) =>
    quality.map((q) => {
      const filter = context.createBiquadFilter();
      filter.type = type;
      filter.frequency.value = frequency;
      filter.Q.value = 20 * Math.log10(q); // WebAudio wants decibels here
      return filter;
    });
  return [
    ...(low > 0 ? edge("highpass", low) : []),
    ...(high < RATE / 2 ? edge("lowpass", high) : []),
  ];
}

/** The same sound `speed` times as fast at the same pitch: waveform-similarity overlap-add
    (Verhelst and Roelands 1993). Each frame is taken where it continues the last one best. */
function stretched(channels, speed) {
  const [size, hop, reach] = [2048, 1024, 512];
  const length = channels[0].length;
  const wanted = Math.max(1, Math.round(length / speed));
  const out = channels.map(() => new Float32Array(wanted + size));
  const window = Float32Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const guide = channels[0];
  const alike = (a, b) => {
    let sum = 0;
    for (let i = 0; i < size; i += 8) sum += (guide[a + i] || 0) * (guide[b + i] || 0);
    return sum;
  };
  let last = -hop;
  for (let to = -hop; to < wanted; to += hop) {
    const centre = Math.round((to + hop) * speed) - hop;
    let best = centre;
    if (to >= 0) {
      let most = -Infinity;
      for (let at = centre - reach; at <= centre + reach; at += 4) {
        const score = alike(last + hop, at);
        if (score > most) [most, best] = [score, at];
      }
    }
    channels.forEach((channel, c) => {
      for (let i = Math.max(0, -to); i < size; i++) out[c][to + i] += window[i] * (channel[best + i] || 0);
    });
    last = best;
  }
  return out.map((channel) => channel.subarray(0, wanted));
}
