"""``make bench``: run every ``bench_*.py`` beside this file, one after the other.

Each is a script that prints its own table. They run one at a time and each in a process of its
own, so that one's memory and threads do not colour the next one's figures.
"""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path


def machine() -> str:
    """One line that says what the figures were taken on."""
    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    return (
        f"{cpu}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, "
        f"torch {version('torch')}"
    )


def main() -> int:
    scripts = sorted(Path(__file__).parent.glob("bench_*.py"))
    print(machine(), flush=True)
    failed = []
    for script in scripts:
        print(f"\n== {script.stem.removeprefix('bench_')} ==", flush=True)
        if subprocess.run([sys.executable, str(script)]).returncode:
            failed.append(script.name)
    if not scripts or failed:
        print(f"\nfailed: {', '.join(failed) or 'no bench_*.py found'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
