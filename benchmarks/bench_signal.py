"""Sound to picture and back on one thread, beside the plain way of Riffusion in the same run.

CPU seconds for one 5.12 s clip (on an idle machine the clock says the same), and the mel
consistency of the sound that comes back: how far its own mel amplitudes (17640-point analysis,
gain-matched) are from the picture's, in dB; lower is better.
"""

from time import process_time

import numpy as np

CLIP = 225792
RATE = 44100


def clips() -> dict[str, np.ndarray]:
    """Three sounds to convert, float32 (225792,): a tune, a beat, and both."""
    rng = np.random.default_rng(0)
    t = np.arange(CLIP) / RATE
    since = t % 0.32
    hertz = 196 * 2 ** (rng.choice([0, 3, 5, 7, 10, 12], 17)[(t / 0.32).astype(int)] / 12)
    tune = sum(np.sin(2 * np.pi * hertz * h * since) / h for h in range(1, 9)) * np.exp(-5 * since)
    snare = rng.standard_normal(CLIP) * np.exp(-30 * ((t + 0.32) % 0.64))
    kick = np.sin(60 * (1 - np.exp(-20 * (t % 0.64)))) * np.exp(-12 * (t % 0.64))
    beat = 0.3 * snare + 0.9 * kick
    return {"tune": 0.1 * tune, "beat": 0.2 * beat, "both": 0.1 * tune + 0.1 * beat}


def seconds(work, times: int = 3):
    """(median CPU seconds, result) of ``times`` calls after one that warms up."""
    work()
    spent = []
    for _ in range(times):
        start = process_time()
        result = work()
        spent.append(process_time() - start)
    return float(np.median(spent)), result


def consistency_db(sound, mel, params) -> float:
    from riffedu import mel_spectrogram

    found = mel_spectrogram(sound, params)
    gain = (found * mel).sum() / (found**2).sum()
    return float(20 * np.log10(np.linalg.norm(gain * found - mel) / np.linalg.norm(mel)))


def main() -> int:
    import torch

    from riffedu import (SpectrogramParams, image_from_spectrogram, image_to_audio, mel_spectrogram,
                         spectrogram_from_image)  # fmt: skip
    from riffedu.audio import rms_db

    torch.set_num_threads(1)
    params = SpectrogramParams()
    ways = {"fast": {}, "plain": {"quality": "plain"}}
    rows, analysis = [], []
    for name, sound in clips().items():
        sound = sound.astype(np.float32)
        spent, mel = seconds(lambda: mel_spectrogram(sound, params))
        analysis.append(spent)
        image = image_from_spectrogram(mel, params)
        wanted = spectrogram_from_image(image)
        for way, options in ways.items():
            spent, (back, _) = seconds(
                lambda: image_to_audio(image, progress=False, **options), 3 if way == "fast" else 1
            )
            rows.append((name, way, spent, consistency_db(back, wanted, params),
                         rms_db(back) - rms_db(sound)))
    print(f"sound to mel amplitudes: {np.median(analysis):.3f} s a clip, one thread")
    print("| clip | picture to sound | seconds | consistency dB | level error dB |")
    print("|---|---|---|---|---|")
    for name, way, spent, consistency, level in rows:
        print(f"| {name} | {way} | {spent:.2f} | {consistency:.1f} | {level:+.2f} |")
    total = {way: sum(row[2] for row in rows if row[1] == way) for way in ways}
    gained = np.mean([row[3] for row in rows if row[1] == "plain"]) - np.mean(
        [row[3] for row in rows if row[1] == "fast"]
    )
    print(f"fast is {total['plain'] / total['fast']:.1f} times as fast as plain, "
          f"its consistency {gained:+.1f} dB better on average")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
