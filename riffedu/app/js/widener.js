/* A mono sound made stereo while it plays, as `riffedu.signal.stereo.widen` makes it: the side s is the sound
   through a burst of noise, h, of energy 1, and L = m + s, R = m − s. At width 0 the sound passes untouched. */

const LINEAR = 0.9; // above it a channel is bent softly, as `riffedu.music.stream` bends a piece

class Widener {
  constructor(context, destination, burst, width = 0) {
    const gain = (value) => new GainNode(context, { gain: value });
    Object.assign(this, { context, input: gain(1), narrow: gain(1), wide: gain(0), left: gain(0), right: gain(0) });
    const buffer = new AudioBuffer({ length: burst.length, numberOfChannels: 1, sampleRate: RATE });
    buffer.copyToChannel(Float32Array.from(burst), 0);
    const side = new ConvolverNode(context, { buffer, disableNormalization: true });
    const both = new ChannelMergerNode(context, { numberOfInputs: 2 });
    for (const channel of [0, 1]) {
      this.input.connect(both, 0, channel);
      side.connect([this.left, this.right][channel]).connect(both, 0, channel);
    }
    this.input.connect(side);
    this.input.connect(this.narrow).connect(destination);
    both.connect(gain(0.5)).connect(new WaveShaperNode(context, { curve: softCurve() })).connect(this.wide).connect(destination);
    for (const [param, value] of this.gains(width)) param.value = value;
  }

  gains(width) {
    return [[this.narrow.gain, width ? 0 : 1], [this.wide.gain, width ? 1 : 0], [this.left.gain, width], [this.right.gain, -width]];
  }

  /** From `when` on, a time of the audio clock, be this wide: 0 to 1. */
  set(width, when = this.context.currentTime) {
    for (const [param, value] of this.gains(width)) param.setTargetAtTime(value, when, 0.01);
  }
}

/** What becomes of −2 to 2: itself up to `LINEAR`, and never more than 1. */
function softCurve() {
  return Float32Array.from({ length: 8001 }, (_, i) => {
    const x = i / 2000 - 2;
    const over = (Math.abs(x) - LINEAR) / (1 - LINEAR);
    return over <= 0 ? x : Math.sign(x) * (LINEAR + (1 - LINEAR) * Math.tanh(over));
  });
}

/** Mono samples as two channels; `widths` are [place in samples, width from there on]. */
async function widened(samples, widths, burst) {
  const context = new OfflineAudioContext(2, samples.length, RATE);
  const [[, first], ...others] = widths;
  const widener = new Widener(context, context.destination, burst, first);
  others.forEach(([place, width]) => widener.set(width, place / RATE));
  const source = new AudioBufferSourceNode(context, { buffer: audioBuffer([samples]) });
  source.connect(widener.input);
  source.start();
  const sound = await context.startRendering();
  return [sound.getChannelData(0), sound.getChannelData(1)];
}
