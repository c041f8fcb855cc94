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


def curve(steps, finish, mel, params, wanted) -> list[tuple[int, float, float]]:
    """(iterations, CPU seconds so far and to finish, consistency) for the ``wanted`` numbers."""
    from riffedu.fidelity import consistency_db

    points, spent = [], 0.0
    while True:
        took, state = timed(lambda: next(steps, None))
        spent += took
        if state is None:
            return points
        if state.iteration in wanted:
            took, sound = timed(lambda: finish(state))
            points.append((state.iteration, spent + took, consistency_db(sound, mel, params)))


def curves(mel, params) -> dict[str, list[tuple[int, float, float]]]:
    """Speed against quality: what each idea adds, and where each way could stop."""
    from riffedu.inversion import full_rate, lean_steps, plain_steps
    from riffedu.phase import admm_steps

    def full(state):
        return full_rate(state.waveform, mel, params)

    wanted = {0, 2, 4, 8, 16, 32, 64}
    runs = {
        "plain, 17640 points": (plain_steps(mel, params), lambda state: state.waveform.numpy()),
        "small grid, random start, no refit":
            (lean_steps(mel, params, 64, start=None, refit=False), full),
        "small grid, random start": (lean_steps(mel, params, 64, start=None), full),
        "small grid, phases read off (fast)": (lean_steps(mel, params, 64), full),
        "the same, ADMM": (lean_steps(mel, params, 64, method=admm_steps), full),
        "the same, every column (best)": (lean_steps(mel, params, 64, stride=1), full),
    }
    return {name: curve(*run, mel, params, wanted) for name, run in runs.items()}


def main(pictures: list[str]) -> int:
    import torch

    from riffedu import SpectrogramParams, load_image, spectrogram_from_image
    from riffedu.audio import clip
    from riffedu.fidelity import Row, as_table, consistency_db, there_and_back
    from riffedu.inversion import WAYS, sound_from_mel

    torch.set_num_threads(1)
    params = SpectrogramParams()
    known = {name: clip(name)[0] for name in CLIPS}
    mel = None
    there_and_back({"warm": known["tune"]}, ["fast"], progress=False)
    rows = there_and_back(known, progress=False, least_seconds=1.5)
    for path in pictures:
        mel = spectrogram_from_image(load_image(path))
        for way in WAYS:
            spent, back = timed(lambda: sound_from_mel(mel, params, way))  # noqa: B023
            rows.append(Row(path.rpartition("/")[2], way, spent, consistency_db(back, mel, params),
                            *[np.nan] * 3))
    print(as_table(rows))
    of = {way: np.array([row[2:4] for row in rows if row.way == way]) for way in WAYS}
    for way in ("fast", "best"):
        better = of["plain"][:, 1] - of[way][:, 1]
        print(f"{way}: {of['plain'][:, 0].sum() / of[way][:, 0].sum():.1f} times as fast as plain, "
              f"consistency {better.mean():+.1f} dB better on average, {better.min():+.1f} at least")
    if mel is None:
        from riffedu.mel import mel_spectrogram

        mel = mel_spectrogram(known["full_mix"], params)
    print("\n| speed and quality, one picture | iterations | seconds | consistency dB |")
    print("|---|---|---|---|")
    for name, points in curves(mel, params).items():
        for n_iter, spent, quality in points:
            print(f"| {name} | {n_iter} | {spent:.2f} | {quality:.1f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
