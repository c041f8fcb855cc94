"""Class mode for as long as a lesson: thirty phones, one hostile phone, the music in a real page.

Not part of `make bench`: it takes as long as it plays, and it needs a browser. ``pip install
playwright``, a Chromium, then

    python benchmarks/class_mode.py [--phones 30] [--minutes 10] [--steps 8]

It starts `riffedu class` on 127.0.0.1 and opens the teacher's page. The phones send a prompt about
every 20 s, the hostile one makes every kind of nuisance once a minute. It prints whether the music
had gaps, whether a prompt was lost or came twice, and how long a prompt took to be acknowledged.
``--phones 0`` is the music alone, to compare with.
"""

import argparse
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from simulated_phones import PROMPTS, HostilePhone, Phone  # noqa: E402

PORT = 8878
BEGUN = "() => document.querySelector('.riffedu-instrument').instrument.band.end"
STEPS = "n => document.querySelector('.riffedu-instrument').instrument.state.set({ steps: n })"
LOOK = """() => {
  const { band } = document.querySelector('.riffedu-instrument').instrument;
  return { playing: band.playing, ahead: band.ahead, repeats: band.repeats, took: band.took };
}"""


async def start(folder: Path) -> tuple:
    """Start `riffedu class`: its process, the teacher's address and the join code."""
    command = [sys.executable, "-m", "riffedu", "class", "--no-browser", "--ip", "127.0.0.1"]
    command += ["--port", str(PORT), "--per-address", "0", "-o", str(folder / "class.json")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said = ""
    while "recorded in" not in said:
        said += (await process.stdout.readline()).decode()
    return process, re.search(r"http://\S+#\S+", said)[0], re.search(r"code (\w+)", said)[1]


async def chat(phone: Phone, end: float, delays: list) -> None:
    """Say a prompt every 10 to 30 s, and note how long each took to be acknowledged."""
    import random

    while time.monotonic() < end:
        await asyncio.sleep(random.uniform(10, 30))
        before = time.monotonic()
        await phone.say(random.choice(PROMPTS))
        delays.append(time.monotonic() - before)


async def annoy(hostile: HostilePhone | None, end: float) -> int:
    """Attack once a minute; how often."""
    times = 0
    while hostile and time.monotonic() < end:
        await hostile.attack()
        times += 1
        await asyncio.sleep(60)
    return times


async def watch(page, end: float) -> list[dict]:
    """Look at the music twice a second."""
    seen = []
    while time.monotonic() < end:
        seen.append(await page.evaluate(LOOK))
        await asyncio.sleep(0.5)
    return seen


async def play(args: argparse.Namespace, address: str, code: str) -> tuple:
    """Let the music and the phones play; what was seen of both."""
    from playwright.async_api import async_playwright

    url = f"http://127.0.0.1:{PORT}/"
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = await playwright.chromium.launch(executable_path=args.chromium, args=flags)
        page = await browser.new_page()
        await page.goto(address)
        await page.wait_for_selector(".riffedu-instrument")
        await page.evaluate(STEPS, args.steps)
        await page.click(".riffedu-play")
        await page.wait_for_function(BEGUN)
        everyone = [await Phone(url, f"phone {n + 1}", code).join() for n in range(args.phones)]
        end, delays = time.monotonic() + 60 * args.minutes, []
        seen, attacks, *_ = await asyncio.gather(
            watch(page, end),
            annoy(HostilePhone(url, code) if args.phones else None, end),
            *(chat(phone, end, delays) for phone in everyone),
        )
        connected = sum(not phone.listening.done() for phone in everyone)
        await browser.close()
    return seen, attacks, delays, everyone, connected


async def measure(args: argparse.Namespace, folder: Path) -> None:
    process, address, code = await start(folder)
    try:
        seen, attacks, delays, everyone, connected = await play(args, address, code)
    finally:
        process.terminate()
        await process.wait()
    saved = json.loads((folder / "class.json").read_text())
    said = {phone.name: [] for phone in everyone}
    for event in saved["class"]:
        if "said" in event and event["by"] in said:
            said[event["by"]].append(event["said"])
    right = sum(said[phone.name] == phone.said for phone in everyone)
    took = sorted(look["took"] for look in seen)
    print(
        f"{args.phones} phones, {args.minutes:g} minutes, {args.steps} steps, {attacks} attacks, "
        f"{saved['pieces']} pieces\n"
        f"music: {seen[-1]['repeats']} repeats, "
        f"{sum(not look['playing'] for look in seen)} of {len(seen)} looks found it stopped, "
        f"never less than {min(look['ahead'] for look in seen):.1f} s ahead, "
        f"a piece took {statistics.median(took):.1f} s (worst {took[-1]:.1f} s)\n"
        f"prompts: {len(delays)} sent; those of {right} of {args.phones} phones all arrived, "
        f"once and in order; acknowledged in {1000 * statistics.median(delays or [0]):.0f} ms "
        f"(worst {1000 * max(delays, default=0):.0f} ms)\n"
        f"phones still connected: {connected} of {args.phones}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(parser.parse_args(), Path(folder)))


if __name__ == "__main__":
    main()
