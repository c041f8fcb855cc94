"""A class on one machine: learners run lesson 11's first cells at once, each in a kernel.

    python benchmarks/class_load.py --learners 5
    python benchmarks/class_load.py --learners 5 --ordinary     # without `riffedu kernels`

One learner works alone first, so that the other figures can be given as ratios. Then all start
together. In the middle one more learner's kernel is killed, and with --stop-server the kernel
server too; the others must not notice.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
from jupyter_client.manager import KernelManager

from riffedu.paths import course_folder
from riffedu.verbs.kernel_launcher import SOCKET
from riffedu.verbs.kernels import SPEC

CLIP = "clip = pipeline.generate({prompt!r}, seed={seed}, progress=False)"
PROMPTS = ("techno", "a church organ", "fast rock drums", "a string orchestra", "reggae")


def first_cells() -> list[str]:
    """Lesson 11's code up to its first sound."""
    notebook = json.loads((course_folder() / "notebooks/11_text_to_music.ipynb").read_text("utf-8"))
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    last = next(n for n, cell in enumerate(cells) if "show(result)" in cell)
    return cells[: last + 1]


class Learner:
    """One kernel, and how long it took to do what."""

    def __init__(self, number: int):
        self.all_done = threading.Barrier(1)  # `together` sets one for all
        self.number, self.first, self.clips, self.lost = number, 0.0, [], 0
        self.memory: dict[str, float] = {}
        self.kernel = 0

    def work(self, clips: int) -> None:
        began = time.monotonic()
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=600)
            self.kernel = int(self.run(client, "import os; print(os.getpid())") or 0)
            for cell in first_cells():
                self.run(client, cell)
            self.first = time.monotonic() - began
            for n in range(clips):
                started = time.monotonic()
                self.run(client, CLIP.format(prompt=PROMPTS[n % 5], seed=self.number))
                self.clips.append(time.monotonic() - started)
            self.all_done.wait(600)  # what has ended shares nothing any more
            self.memory = memory(self.kernel)
            self.all_done.wait(600)
        except Exception as error:
            self.lost += 1
            print(f"learner {self.number}: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)

    def run(self, client, code: str) -> str:
        said = []

        def hear(message: dict) -> None:
            if message["msg_type"] == "error":
                self.lost += 1
                print(f"learner {self.number}: {message['content']['evalue']}", file=sys.stderr)
            elif message["msg_type"] == "stream":
                said.append(message["content"]["text"])

        client.execute_interactive(code, timeout=1200, output_hook=hear)
        return "".join(said).strip()


def memory(process: int) -> dict[str, float]:
    """Megabytes of a process: its own (USS), and its share of what is shared (PSS)."""
    full = psutil.Process(process).memory_full_info()
    return {"own": full.uss / 1e6, "share": full.pss / 1e6}


def together(learners: list[Learner], clips: int) -> float:
    began = time.monotonic()
    barrier = threading.Barrier(len(learners))
    for each in learners:
        each.all_done = barrier
    threads = [threading.Thread(target=each.work, args=(clips,)) for each in learners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began


def kill_one(victim: Learner, server: subprocess.Popen | None, after: float) -> None:
    """Kill a learner's kernel, and the kernel server if it is given, after some seconds."""

    def kill() -> None:
        for process in filter(None, (victim.kernel, server and server.pid)):
            os.kill(process, signal.SIGKILL)

    timer = threading.Timer(after, kill)
    timer.daemon = True
    timer.start()


def start_server(folder: Path) -> subprocess.Popen:
    path = folder / "socket"
    command = [sys.executable, "-m", "riffedu", "kernels", "--socket", str(path)]
    log = open(folder / "log", "w+")
    server = subprocess.Popen(command, stderr=log)
    while SOCKET not in (folder / "log").read_text():
        if server.poll() is not None:
            sys.exit((folder / "log").read_text())
        time.sleep(0.2)
    os.environ |= {SOCKET: str(path), "JUPYTER_PATH": str(SPEC)}
    print(f"the kernel server itself: {memory(server.pid)['share']:.0f} MB")
    return server


def report(alone: Learner, learners: list[Learner], seconds: float) -> None:
    def p95(values: list[float]) -> float:
        return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]

    one = statistics.median(alone.clips)
    clips = [each for learner in learners for each in learner.clips]
    firsts = [learner.first for learner in learners]
    print(
        f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {seconds:.0f} s in all"
    )
    print(f"alone: first sound {alone.first:.1f} s, a clip {one:.2f} s")
    for what, values, unit in (("first sound", firsts, alone.first), ("clip", clips, one)):
        print(
            f"{len(learners)} together, {what}: median {statistics.median(values):.1f} s, p95 "
            f"{p95(values):.1f} s ({p95(values) / unit:.1f} times alone)"
        )
    means = [statistics.mean(learner.clips) for learner in learners]
    print(f"slowest learner / fastest learner: {max(means) / min(means):.2f}")
    own = [learner.memory["own"] for learner in learners]
    share = [learner.memory["share"] for learner in learners]
    print(f"memory of a learner: {max(own):.0f} MB own at most, {max(share):.0f} MB with its share")
    print(f"cells lost: {sum(learner.lost for learner in learners)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learners", type=int, default=5)
    parser.add_argument("--clips", type=int, default=3, help="clips after the first (default: 3)")
    parser.add_argument("--ordinary", action="store_true", help="without `riffedu kernels`")
    parser.add_argument("--stop-server", action="store_true", help="kill the kernel server midway")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = None if args.ordinary else start_server(Path(folder))
        alone, victim = Learner(0), Learner(99)
        together([alone], args.clips)
        learners = [Learner(n + 1) for n in range(args.learners)]
        kill_one(victim, server if args.stop_server else None, 1.5 * alone.first)
        threading.Thread(target=victim.work, args=(1000,), daemon=True).start()
        seconds = together(learners, args.clips)
        report(alone, learners, seconds)
        if server:
            server.kill()
        sys.stdout.flush()
        os._exit(int(any(learner.lost for learner in learners)))


if __name__ == "__main__":
    main()
