"""Runs command lines in forks of one process that has imported everything: a start takes 0.1 s.

Reads a JSON list of arguments a line, prints the process id and then its exit code.
"""

import json
import os
import sys

from riffedu import cli
from riffedu.training import captions, denoiser


def main() -> None:
    # Not above: pytest imports every module when it looks for doctests.
    denoiser.SHEET_PROMPTS = ("piano",)
    captions.caption = lambda metadata, random: "calm piano"
    import diffusers  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import safetensors.torch  # noqa: F401
    import torch
    import tqdm
    import transformers  # noqa: F401

    torch.set_num_threads(1)
    tqdm.tqdm.monitor_interval = 0  # its thread may hold the lock of all bars during a fork
    cli.main(json.loads(sys.stdin.readline()))
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            cli.program(json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
