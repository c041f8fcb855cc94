/* Playing a sound, or two aligned ones, from anywhere: seek, loop, part, band, speed. */

const SEAM = 0.005; // seconds of fade where a sound is cut inside

class Transport extends EventTarget {
  constructor() {
    super();
    this.sounds = []; // each an array of Float32Arrays, one a channel
    this.which = 0;
    this.place = 0;
    this.loop = false;
    this.speed = 1;
    this.keepPitch = true;
    this.region = null; // {from, to} in seconds and {low, high} in Hz
    this.run = null;
  }

  get duration() {
    return this.sounds.length ? this.sounds[0][0].length / RATE : 0;
  }

  get playing() {
    return this.run !== null;
  }

  /** The seconds that play: of the region, or all. */
  get span() {
    const { duration, region } = this;
    if (!region) return [0, duration];
    return [Math.min(region.from, duration), Math.min(region.to, duration)];
  }

  /** The second that is heard now, by the audio clock. */
  get position() {
    if (!this.run) return this.place;
    const { when, from, start, end } = this.run;
    const { context, latency } = speaker();
    const at = from + Math.max(0, context.currentTime - latency - when) * this.run.speed;
    if (at < end) return at;
    return this.run.loop ? start + ((at - start) % (end - start)) : end;
  }

  /** Other sounds; what plays goes on in them at the same place. */
  setSounds(sounds) {
    const at = this.position;
    this.sounds = sounds;
    this.parts = new Map();
    if (this.which >= sounds.length) this.which = 0;
    if (this.playing && this.duration) this.play(at);
    else this.stop();
    this.place = Math.min(at, this.duration);
    this.tell();
  }

  async play(from = this.place) {
    if (!this.duration) return;
    const out = speaker();
    await out.take(this, () => this.stop());
    const { context } = out;
    const [start, end] = this.span;
    if (end - start < 0.001) return;
    if (from < start || from > end - 0.002) from = start;
    this.hush();
    const stretch = this.keepPitch ? this.speed : 1; // in the samples; else in the playing
    const run = { from, start, end, speed: this.speed, loop: this.loop, sources: [], gains: [] };
    run.gate = context.createGain();
    const filters = this.filters(context);
    const chain = [...filters, run.gate, out.input];
    chain.slice(1).forEach((node, i) => chain[i].connect(node));
    const buffers = this.sounds.map((_, i) => this.part(i, start, end, stretch));
    run.when = context.currentTime + 0.01; // only now: to prepare a long sound takes a moment
    buffers.forEach((buffer, i) => {
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.loop = this.loop;
      source.playbackRate.value = this.speed / stretch;
      const gain = context.createGain();
      gain.gain.value = i === this.which ? 1 : 0;
      source.connect(gain).connect(chain[0]);
      source.start(run.when, (from - start) / stretch);
      run.sources.push(source);
      run.gains.push(gain);
    });
    if (from > start) {
      run.gate.gain.setValueAtTime(0, run.when);
      run.gate.gain.linearRampToValueAtTime(1, run.when + SEAM);
    }
    run.sources[0].onended = () => {
      if (this.run !== run) return;
      this.run = null;
      this.place = start;
      this.tell();
    };
    this.run = run;
    this.tell();
  }

  stop() {
    this.place = this.position;
    this.hush();
    this.tell();
  }

  seek(seconds) {
    this.place = Math.max(0, Math.min(this.duration, seconds));
    if (this.playing) this.play(this.place);
    this.tell();
  }

  /** Change `loop`, `speed`, `keepPitch` or `region`, now as well where something plays. */
  set(changes) {
    const [at, was] = [this.position, this.playing];
    Object.assign(this, changes);
    if (was) this.play(at);
    else this.tell();
  }

  /** Hear the other sound from this sample on. */
  choose(which) {
    this.which = which;
    if (this.run) {
      const now = speaker().context.currentTime;
      this.run.gains.forEach((gain, i) => gain.gain.setTargetAtTime(i === which ? 1 : 0, now, 0.004));
    }
    this.tell();
  }

  hush() {
    if (!this.run) return;
    const { sources, gate } = this.run;
    this.run = null;
    const { currentTime } = speaker().context;
    gate.gain.cancelScheduledValues(currentTime);
    gate.gain.setTargetAtTime(0, currentTime, SEAM / 4);
    sources.forEach((source) => source.stop(currentTime + 2 * SEAM));
    setTimeout(() => gate.disconnect(), 100);
  }

  filters(context) {
    return this.region ? bandFilters(context, this.region.low, this.region.high) : [];
  }

  /** Sound `i` from `start` to `end` as an AudioBuffer, `stretch` times as fast, faded where it is
      cut inside. The last few are kept. */
  part(i, start, end, stretch) {
    const [from, to] = [Math.round(start * RATE), Math.round(end * RATE)];
    const key = `${i} ${from} ${to} ${stretch}`;
    if (!this.parts.has(key)) {
      let channels = this.sounds[i].map((channel) => channel.slice(from, to));
      if (stretch !== 1) channels = stretched(channels, stretch);
      const fade = Math.min(Math.round(SEAM * RATE), channels[0].length >> 1);
      for (const channel of channels) {
        for (let k = 0; k < fade; k++) {
          if (from > 0) channel[k] *= k / fade;
          if (to < this.sounds[i][0].length) channel[channel.length - 1 - k] *= k / fade;
        }
      }
      if (this.parts.size > 4) this.parts.clear();
      this.parts.set(key, audioBuffer(channels));
    }
    return this.parts.get(key);
  }

  /** What is heard at speed 1 as it would be saved: the region, filtered. */
  async render() {
    const [start, end] = this.span;
    const part = this.part(this.which, start, end, 1);
    const channels = (buffer) => Array.from({ length: part.numberOfChannels }, (_, c) => buffer.getChannelData(c));
    if (!this.region) return channels(part);
    const context = new OfflineAudioContext(part.numberOfChannels, part.length, RATE);
    const source = context.createBufferSource();
    source.buffer = part;
    const chain = [source, ...this.filters(context), context.destination];
    chain.slice(1).forEach((node, i) => chain[i].connect(node));
    source.start();
    return channels(await context.startRendering());
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
