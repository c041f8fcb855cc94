"""The live instrument: does it keep up, for how many pages, and does memory stay flat?

Not part of `make bench`: it takes as long as it plays.

    python benchmarks/live_pages.py [--pages 3] [--minutes 10] [--steps 8]

One process serves the model, as in `riffedu app`. Each page is a process that requests the next
piece when little is left to play, as a real page does, and moves its dot. Memory is PSS: shared
memory is divided among the processes that share it.
"""

import argparse
import multiprocessing
import os
import statistics
import time
from multiprocessing.queues import Queue

import psutil

LEAD, LONGEST = 3.0, 15.0


def pss(pid: int) -> float:
    """A process's proportional set size in MB."""
    return psutil.Process(pid).memory_full_info().pss / 1e6


def page(port: int, key: bytes, seed: int, minutes: float, steps: int, out: Queue) -> None:
    """Play in real time, as riffedu/app/js/band.js does, and report delays."""
    from riffedu.app.model_server import PieceSettings, connect

    corners = ("a calm solo piano", "a church organ", "fast rock drums", "a string orchestra")
    session = connect(port, key).session()
    ready, took, late, durations, least = 0.0, 1.5, 0.0, [], LONGEST
    begun, number = None, 0
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        ahead = ready - (time.monotonic() - begun) if begun else 0.0
        if begun and ahead > min(LONGEST, max(LEAD, 2.5 * took + 1.5)):
            time.sleep(0.05)
            continue
        asked = time.monotonic()
        piece = session.next(
            PieceSettings(
                corners, (number / 7 % 1, number / 5 % 1), seed=seed, num_inference_steps=steps
            )
        )
        took = time.monotonic() - asked
        durations.append(took)
        begun = begun or time.monotonic()
        ahead = ready - (time.monotonic() - begun)
        if number:
            least = min(least, ahead)
            late += max(0.0, -ahead)
        ready = max(ready, time.monotonic() - begun) + piece.seconds
        number += 1
    out.put(
        (seed, number, statistics.median(durations), max(durations[1:], default=0), least, late)
    )


def main() -> None:
    from riffedu.app.model_server import ModelServer, SessionListener
    from riffedu.music.pipeline import load_pipeline

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, default=8)
    args = parser.parse_args()
    pipeline = load_pipeline()
    pipeline.generate("music", num_inference_steps=1, progress=False)
    key = os.urandom(16)
    server = SessionListener(ModelServer(pipeline), key)
    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
    pages = [
        spawn.Process(target=page, args=(server.port, key, n, args.minutes, args.steps, out))
        for n in range(args.pages)
    ]
    for each in pages:
        each.start()
    time.sleep(min(30, 20 * args.minutes))
    first = [pss(os.getpid()), *(pss(each.pid) for each in pages)]
    last = first
    while all(each.is_alive() for each in pages):
        now = [pss(os.getpid()), *(pss(each.pid) for each in pages)]
        last = now if all(now) else last  # A process that has just ended has no memory.
        time.sleep(2)
    for seed, number, median, worst, least, late in sorted(out.get() for _ in pages):
        print(
            f"page {seed + 1}: {number} pieces, {3.84 / median:.1f} times real time with its waits "
            f"(median {median:.2f} s, worst {worst:.2f} s), never less than {least:.1f} s ahead, "
            f"late {late:.2f} s in all"
        )
    changes = [f"{a:.0f} → {b:.0f}" for a, b in zip(first, last)]
    print(f"memory (MB, PSS): model {changes[0]}, pages {', '.join(changes[1:])}")
    server.close()
    for each in pages:
        each.join()


if __name__ == "__main__":
    main()
