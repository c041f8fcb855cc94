"""Sound to picture: how many times faster than it sounds, and how much memory an hour takes.

CPU seconds on one thread, which a busy machine does not blur much (on an idle one the clock says
the same), and the clock's for one and two; the best of several. The second table is a sound that
comes in pieces, as a file is read: its mel amplitudes are used and forgotten, and the peak of the
whole process's memory, Python and torch included, is taken on the way.
"""

import resource
import sys
from time import perf_counter, process_time

import numpy as np

CLIP = 225792
RATE = 44100


def best(work, watch, times: int = 9) -> float:
    """Seconds of the fastest of ``times`` calls, after one that warms up."""
    work()
    spent = []
    for _ in range(times):
        start = watch()
        work()
        spent.append(watch() - start)
    return min(spent)


def megabytes() -> float:
    """The most memory that this process has had so far."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def main() -> int:
    import torch

    from riffedu import SpectrogramParams, image_from_spectrogram, mel_spectrogram
    from riffedu.signal.mel import mel_blocks

    params = SpectrogramParams()
    second = 0.1 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    clip = np.resize(second, CLIP)
    ways = {
        "sound to mel": lambda: mel_spectrogram(clip, params),
        "sound to picture": lambda: image_from_spectrogram(mel_spectrogram(clip, params)),
    }
    print("| one clip of 5.12 s | threads | by | seconds | × real time |")
    print("|---|---|---|---|---|")
    for threads, name, watch in (
        (1, "CPU", process_time),
        (1, "clock", perf_counter),
        (2, "clock", perf_counter),
    ):
        torch.set_num_threads(threads)
        for way, work in ways.items():
            spent = best(work, watch)
            print(f"| {way} | {threads} | {name} | {spent:.3f} | {CLIP / RATE / spent:.0f} |")
    print("\n| a sound in pieces, 1 thread, CPU | × real time | peak memory MB |")
    print("|---|---|---|")
    torch.set_num_threads(1)
    for minutes in (1, 10, 60):
        start, columns = process_time(), 0
        for block in mel_blocks((second for _ in range(60 * minutes)), params):
            columns += block.shape[-1]
        spent = process_time() - start
        print(
            f"| {minutes} min, {columns} columns | {60 * minutes / spent:.0f} "
            f"| {megabytes():.0f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
