"""Picture to sound on one thread: every way beside Riffusion's own in the same run.

CPU seconds for pictures of 5.12 s (on an idle machine the clock says the same). The mel
consistency of the sound that comes back is measured by the 17640-point analysis and gain-matched.
Clips of data/clips, whose sound is known, and any pictures named on the command line.
"""

import sys
from time import process_time

import numpy as np

CLIPS = ("tune", "sustained", "piano", "speech_like", "percussion", "guitar", "full_mix")


def timed(work):
    """(CPU seconds, result)."""
    start = process_time()
    result = work()
    return process_time() - start, result


def main(pictures: list[str]) -> int:
    import torch

    from riffedu import SpectrogramParams, load_image, mel_spectrogram, spectrogram_from_image
    from riffedu.signal.audio import clip
    from riffedu.signal.fidelity import (
        Row,
        as_table,
        mel_consistency_db,
        round_trip,
        speed_and_quality,
    )
    from riffedu.signal.inversion import METHODS, QUALITIES, sound_from_mel

    torch.set_num_threads(1)
    params = SpectrogramParams()
    known = {name: clip(name)[0] for name in CLIPS}
    mel = None
    round_trip({"warm": known["tune"]}, ["fast"], progress=False)
    rows = round_trip(known, progress=False, least_seconds=1.5)
    for path in pictures:
        mel = spectrogram_from_image(load_image(path))
        for way in QUALITIES:
            spent, back = timed(lambda: sound_from_mel(mel, params, way))  # noqa: B023
            rows.append(
                Row(
                    path.rpartition("/")[2],
                    way,
                    spent,
                    mel_consistency_db(back, mel, params),
                    *[np.nan] * 3,
                )
            )
    print(as_table(rows))
    of = {way: np.array([row[2:4] for row in rows if row.way == way]) for way in QUALITIES}
    for way in ("fast", "best"):
        better = of["plain"][:, 1] - of[way][:, 1]
        print(
            f"{way}: {of['plain'][:, 0].sum() / of[way][:, 0].sum():.1f} times as fast as plain, "
            f"consistency {better.mean():.1f} dB better on average, {better.min():.1f} at least"
        )
    if mel is None:
        mel = mel_spectrogram(known["full_mix"], params)
    print("\n| speed and quality, one picture | iterations | seconds | consistency dB |")
    print("|---|---|---|---|")
    for name, method in METHODS.items():
        steps = method(mel, params, n_iter=32 if name == "Riffusion's" else 64)
        for point in speed_and_quality(steps, mel, params, at=(0, 2, 4, 8, 16, 32, 64)):
            db = point.mel_consistency_db
            print(f"| {name} | {point.n_iter} | {point.seconds:.2f} | {db:.1f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
