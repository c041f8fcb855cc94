"""Edits in figures: inversion, strength, tempo after extending, seam of a loop, stream.

``python benchmarks/bench_edit.py [SECONDS]`` plays the stream for that long (60 by default).
"""

import resource
import sys
import time

import numpy as np

CLIPS = ("piano", "tune", "percussion", "full_mix", "guitar")
PROMPTS = {"percussion": "a rock drum groove", "full_mix": "a rock band"}
CORNERS = ["a calm solo piano", "a techno groove", "a church organ", "a rock band"]


def main() -> int:
    from riffedu import load_pipeline

    pipeline = load_pipeline()
    inversion(pipeline)
    strength(pipeline)
    extending(pipeline)
    looping(pipeline)
    streaming(pipeline, float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
    return 0


def five_seconds(name: str):
    from riffedu.signal.audio import clip

    waveform, rate = clip(name)
    return np.atleast_2d(waveform).mean(0)[: round(5.12 * rate)], rate


def inversion(pipeline, steps: int = 50) -> None:
    """Sound → noise → the same sound, by DDIM inversion and DDIM."""
    from riffedu.diffusion.samplers import ddim, invert, reversible, sample
    from riffedu.signal.convert import audio_to_image

    found = {}
    for name in CLIPS:
        latents = pipeline.encode_image(audio_to_image(*five_seconds(name), pipeline.params))
        predict = pipeline.predictor(pipeline.encode_prompt(PROMPTS.get(name, name)), None, 1.0)
        levels, kind = reversible(pipeline.noise_levels(steps)), pipeline.prediction_type
        *_, noise = invert(predict, latents, levels, kind)
        *_, back = sample(predict, noise.latents, levels, ddim, kind)
        found[name] = correlation(latents, back.latents)
    told = ", ".join(f"{name} {value:.4f}" for name, value in found.items())
    print(f"DDIM inversion and back, {steps} steps, latent correlation: {told}", flush=True)


def strength(pipeline) -> None:
    """How much of the source is left: correlation of latents, seeds apart from each other's."""
    from riffedu.music.edit import last_latents, transform_steps
    from riffedu.signal.convert import audio_to_image

    source = pipeline.encode_image(audio_to_image(*five_seconds("piano"), pipeline.params))
    mean = source.mean(dim=(0, 2, 3), keepdim=True)
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        made = [
            last_latents(transform_steps(pipeline, source, "a church organ", value, seed=s), source)
            for s in range(3)
        ]
        left = np.mean([correlation(each - mean, source - mean) for each in made])
        print(
            f"strength {value:.2f}: correlation with the source {left:+.3f}, largest difference "
            f"{max((each - source).abs().max().item() for each in made):.3f}",
            flush=True,
        )
    others = [
        last_latents(transform_steps(pipeline, source * 0, "a church organ", 1.0, seed=s), None)
        for s in range(3)
    ]
    floor = np.mean([correlation(each - mean, source - mean) for each in others])
    print(f"the same prompt without any source: {floor:+.3f}", flush=True)


def extending(pipeline, seconds: float = 30.0) -> None:
    """Beats a minute of the first five seconds, and of all that was made after them."""
    from riffedu.music.continuation import extend

    for name in ("percussion", "full_mix"):
        clip = five_seconds(name)
        result = extend(pipeline, clip, PROMPTS[name], seconds, progress=False)
        rate = result.sample_rate
        rest = result.waveform[round(5.12 * rate) :]
        parts = np.array_split(rest, 5)
        print(
            f"extend {name}: {beat_period(*clip):.3f} s between beats; what was added: "
            + ", ".join(f"{beat_period(part, rate, near=beat_period(*clip)):.3f}" for part in parts)
            + f"; all of it {beat_period(rest, rate, near=beat_period(*clip)):.3f} s",
            flush=True,
        )


def looping(pipeline) -> None:
    """Where the end meets the start: the step between samples, and the energy around it."""
    for bpm, beats, prompt in (
        (120, 8, "a techno groove"),
        (93, 8, "hip hop drums"),
        (140, 16, "a calm solo piano"),
    ):
        result = pipeline.loop(prompt, bpm, beats, progress=False)
        twice = np.concatenate([result.waveform, result.waveform])
        joint = len(result.waveform) - 1
        beat = beat_period(np.tile(result.waveform, 4), result.sample_rate, near=60 / bpm)
        print(
            f"loop of {beats} beats at {bpm} BPM: "
            f"{len(result.waveform) / result.sample_rate:.3f} s "
            f"(wanted {60 * beats / bpm:.3f}), a beat every {beat:.3f} s (wanted "
            f"{60 / bpm:.3f}); seam {seam(twice, joint):+.1f} dB against its surroundings",
            flush=True,
        )


def streaming(pipeline, seconds: float) -> None:
    """Endless music with a moving point: lead over playback, joints, memory."""
    from riffedu.music.stream import endless

    def where(n: int):
        return 0.5 + 0.5 * np.cos(n / 5), 0.5 + 0.5 * np.sin(n / 5)

    began, first, played, ahead, sounds, memory = time.perf_counter(), 0.0, 0.0, [], [], []
    for piece in endless(pipeline, CORNERS, where):
        made = time.perf_counter() - began
        # Playing begins when the first piece is there.
        first = made if not sounds else first
        ahead.append(first + played - made if sounds else 0.0)
        played += piece.seconds
        sounds.append(piece.waveform)
        memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        if played >= seconds:
            break
    whole = np.concatenate(sounds)
    joints = np.cumsum([len(sound) for sound in sounds])[:-1] - 1
    steps = [seam(whole, joint) for joint in joints]
    speed = played / (time.perf_counter() - began)
    print(
        f"stream of {played:.0f} s: {speed:.1f} × real time, "
        f"never less than {min(ahead[1:]):.1f} s "
        f"ahead; joins {max(steps):+.1f} dB at most against their surroundings; "
        f"memory {memory[len(memory) // 4]:.0f} MB after a quarter, {memory[-1]:.0f} MB at the end"
    )


def correlation(a, b) -> float:
    a, b = (each.flatten() - each.mean() for each in (a, b))
    return float((a * b).sum() / (a.norm() * b.norm()))


def seam(sound: np.ndarray, joint: int, near: int = 44, around: int = 4410) -> float:
    """Energy above 5 kHz, where clicks are and music is little, within 1 ms of a joint: in dB
    against the loudest millisecond within 100 ms on either side of it.
    """
    from scipy.signal import butter, sosfilt

    part = sound[joint - 2 * around : joint + 2 * around]
    high = sosfilt(butter(4, 5000, "high", fs=44100, output="sos"), part)
    power = np.convolve(high**2, np.ones(near) / near, "same")
    middle = 2 * around
    here = power[middle - near : middle + 2 * near].max()
    beside = np.r_[
        power[middle - around : middle - 4 * near], power[middle + 4 * near : middle + around]
    ]
    return float(10 * np.log10((here + 1e-12) / (beside.max() + 1e-12)))


def beat_period(sound: np.ndarray, rate: int, near: float | None = None) -> float:
    """Seconds after which a sound's onsets repeat best; ``near`` seeks within a tenth of that."""
    import librosa

    hop = 110
    sound = librosa.resample(sound, orig_sr=rate, target_sr=22050)
    onsets = librosa.onset.onset_strength(y=sound, sr=22050, hop_length=hop)
    onsets = onsets - onsets.mean()
    size = 2 * len(onsets)
    alike = np.fft.irfft(np.abs(np.fft.rfft(onsets, size)) ** 2)[: len(onsets)]
    alike /= np.arange(len(onsets), 0, -1)
    low, high = (0.9 * near, 1.1 * near) if near else (0.3, 1.5)
    low, high = round(low * 22050 / hop), round(high * 22050 / hop)
    return (low + int(np.argmax(alike[low:high]))) * hop / 22050


if __name__ == "__main__":
    sys.exit(main())
