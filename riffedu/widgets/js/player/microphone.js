/* Recording from the microphone; Python gets the take. */

const LONGEST_TAKE = 60; // seconds

class Microphone {
  constructor(state) {
    [this.state, this.take] = [state, null];
  }

  get on() {
    return this.take !== null;
  }

  /** The button: begin, or end what was begun. */
  async press() {
    const { state } = this;
    if (this.take) return this.take.stop();
    state.transport.stop();
    try {
      this.take = await takeFromMicrophone((seconds) => state.say(`Recording: ${seconds.toFixed(0)} s. Press Stop when you are done.`));
      state.tell("recording");
      const channels = await this.take.channels;
      state.say("Got it.");
      state.send({ type: "take", channels: 1 }, interleaved(channels.slice(0, 1)));
    } catch (error) {
      state.say(error.message, true);
    }
    this.take = null;
    state.tell("recording");
  }

  close() {
    this.take?.stop();
  }
}

/** A take: `stop()` ends it, `channels` is the promise of what it holds. */
async function takeFromMicrophone(tell) {
  if (!navigator.mediaDevices?.getUserMedia || !globalThis.MediaRecorder) {
    throw new Error("This page cannot use the microphone: browsers allow it only on localhost or https.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    const missing = error.name === "NotFoundError";
    throw new Error(missing ? "No microphone was found." : "Microphone access was denied: allow it in the browser's address bar, then press Record again.");
  }
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  const begun = performance.now();
  const ticking = setInterval(() => {
    const seconds = (performance.now() - begun) / 1000;
    tell(seconds);
    if (seconds > LONGEST_TAKE) recorder.stop();
  }, 250);
  const channels = new Promise((resolve, reject) => {
    recorder.onstop = () => {
      clearInterval(ticking);
      stream.getTracks().forEach((track) => track.stop());
      decoded(new Blob(parts, { type: recorder.mimeType })).then(resolve, () => reject(new Error("The recording is empty.")));
    };
  });
  recorder.start();
  return { stop: () => recorder.state !== "inactive" && recorder.stop(), channels };
}
