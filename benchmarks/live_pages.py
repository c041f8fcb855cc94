"""The live instrument: does it keep up, for how many pages, and does memory stay flat?

Not part of `make bench`: it takes as long as it plays.

    python benchmarks/live_pages.py [--pages 3] [--minutes 10] [--steps 8]

One process serves the model, as in `riffedu app`; every page is a process that asks for pieces as a
page does, when little is left to play, and drags its dot about. Memory is PSS: what is shared
counts in parts.
"""

import argparse
import multiprocessing
import os
import statistics
import time

import psutil

LEAD, LONGEST = 3.0, 15.0


def pss(pid: int) -> float:
    """A process's proportional set size in MB."""
    return psutil.Process(pid).memory_full_info().pss / 1e6


def page(port: int, key: bytes, seed: int, minutes: float, steps: int, out) -> None:
    """Play by the clock, as riffedu/widgets/js/band.js does, and report how that went."""
    from riffedu.app.model_server import PieceSettings, connect

    corners = ("a calm solo piano", "a church organ", "fast rock drums", "a string orchestra")
    seat, ready, took, late, tooks, least = connect(port, key).session(), 0.0, 1.5, 0.0, [], LONGEST
    begun, number = None, 0
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        ahead = ready - (time.monotonic() - begun) if begun else 0.0
        if begun and ahead > min(LONGEST, max(LEAD, 2.5 * took + 1.5)):
            time.sleep(0.05)
            continue
        asked = time.monotonic()
        piece = seat.next(
            PieceSettings(
                corners, (number / 7 % 1, number / 5 % 1), seed=seed, num_inference_steps=steps
            )
        )
        took = time.monotonic() - asked
        tooks.append(took)
        begun = begun or time.monotonic()
        ahead = ready - (time.monotonic() - begun)
        if number:
            least = min(least, ahead)
            late += max(0.0, -ahead)
        ready = max(ready, time.monotonic() - begun) + piece.seconds
        number += 1
    out.put((seed, number, statistics.median(tooks), max(tooks[1:], default=0), least, late))


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
    server, spawn = (
        SessionListener(ModelServer(pipeline), key := os.urandom(16)),
        multiprocessing.get_context("spawn"),
    )
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
        last = now if all(now) else last  # a process that has just ended has none
        time.sleep(2)
    for seed, number, median, worst, least, late in sorted(out.get() for _ in pages):
        print(
            f"page {seed + 1}: {number} pieces, {3.84 / median:.1f} times real time with its waits "
            f"(median {median:.2f} s, worst {worst:.2f} s), never less than {least:.1f} s ahead, "
            f"late {late:.2f} s in all"
        )
    told = [f"{a:.0f} → {b:.0f}" for a, b in zip(first, last)]
    print(f"memory (MB, PSS): model {told[0]}, pages {', '.join(told[1:])}")
    server.close()
    for each in pages:
        each.join()


if __name__ == "__main__":
    main()
