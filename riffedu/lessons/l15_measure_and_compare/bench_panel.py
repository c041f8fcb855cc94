"""The bench panel of notebooks/15_measure_and_compare.ipynb: sources × prompts, measured."""

from __future__ import annotations

import html
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from riffedu.errors import RiffeduError
from riffedu.evaluate import bench, classifier, shipped_classifier
from riffedu.evaluate.peers import PEERS
from riffedu.evaluate.sources import Settings, Source, parse
from riffedu.widgets.job import JobControls
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box

LINES = w.Layout(width="560px", max_width="98%", height="84px")


class BenchPanel(Panel):
    """Compare any sources on any prompts: what `riffedu compare` does in the shell.

    Controls by name: ``sources`` and ``prompts`` (one a line), ``seconds, steps, seed,
    start_button, stop_button, folder, save_button``. ``clips`` are the clips of the last run, and
    `save` writes them with the table, the sheet and a page to listen blind.
    """

    def __init__(self, sources: str, prompts: str, folder: str | Path, steps: int) -> None:
        self.clips: list[bench.Judged] = []
        self.sources = w.Textarea(value=sources, description="Sources", style=WIDE, layout=LINES)
        self.prompts = w.Textarea(value=prompts, description="Prompts", style=WIDE, layout=LINES)
        self.seconds = w.BoundedFloatText(
            value=5.12, min=2, max=30, step=0.5, description="Seconds", style=WIDE
        )
        self.steps = w.BoundedIntText(value=steps, min=1, max=1000, description="Steps", style=WIDE)
        self.seed = seed_box(1)
        self.folder = w.Text(value=str(folder), description="Folder", style=WIDE)
        self.save_button = w.Button(
            description="Save", icon="download", disabled=True, tooltip="Write all to the folder"
        )
        self.job = JobControls("Compare")
        self.start_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.about, self.table = w.HTML(), w.HTML()
        self.sheet = w.Image(format="png", layout=w.Layout(display="none", max_width="98%"))
        self.start_button.on_click(lambda _: self.run())
        self.save_button.on_click(self.save)
        self.box = w.VBox(
            [
                self.sources,
                self.prompts,
                row(self.seconds, self.steps, self.seed),
                self.job.box,
                self.about,
                self.table,
                self.sheet,
                row(self.folder, self.save_button),
                note(
                    "A source is ours, ours+LORA-FILE, riffusion, "
                    + ", ".join(PEERS)
                    + ", or NAME=FOLDER for a folder of sound files. Saving also writes "
                    "listen.html, a page to vote on blind."
                ),
            ]
        )

    def run(self) -> None:
        """Compare, like the button; call `wait` to wait for the end."""
        settings = Settings(self.seconds.value, self.seed.value, self.steps.value)
        prompts = _lines(self.prompts.value)
        try:
            sources = [parse(line, settings, len(prompts)) for line in _lines(self.sources.value)]
        except RiffeduError as error:
            return self.job.fail(error)
        told = (f"<b>{html.escape(s.name)}</b>: {html.escape(s.about)}" for s in sources)
        self.about.value = "<br>".join(told)
        count = len(sources) * len(prompts) + 1
        self.job.start(lambda step: self._work(step, sources, prompts), count)

    def wait(self, seconds: float = 300.0) -> None:
        """Wait for the run to end, at most ``seconds``."""
        self.job.wait(seconds)

    def save(self, _: Any = None) -> None:
        """Write table, clips, sheet, page and key to the folder; never over another comparison."""
        folder = Path(self.folder.value).expanduser()
        if (folder / "key.csv").exists():
            return self.job.fail(
                RiffeduError(f"{folder} already holds a comparison: choose another folder")
            )
        try:
            bench.write(self.clips, folder)
        except (RiffeduError, OSError) as error:
            return self.job.fail(error)
        self.job.say(f"Written to {folder}. Keep key.csv until everybody has voted.")

    def _work(self, step: Callable[[str], Any], sources: list[Source], prompts: list[str]) -> None:
        seconds, judge = self.seconds.value, shipped_classifier()
        heard = classifier.load_classifier(judge) if judge else None
        self.clips = bench.compare(sources, prompts, seconds, heard, say=step)
        sheet = io.BytesIO()
        bench.draw_sheet(self.clips).save(sheet, format="png")
        self.table.value = _as_html(bench.to_markdown(self.clips))
        self.sheet.value, self.sheet.layout.display = sheet.getvalue(), ""
        self.save_button.disabled = False
        self.job.say(f"{len(self.clips)} clips.")


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _as_html(markdown: str) -> str:
    """Turn the table of `bench.to_markdown` into HTML."""
    head, _, *rows = [line.strip("| ").split(" | ") for line in markdown.splitlines()]
    tags = ["th"] + ["td"] * len(rows)
    cells = (
        "".join(f'<{tag} style="padding:0 0.7em">{html.escape(cell)}</{tag}>' for cell in line)
        for tag, line in zip(tags, [head, *rows])
    )
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in cells) + "</table>"


def bench_panel(
    sources: str = "ours",
    prompts: str = "a calm solo piano\nrock drums at 120 bpm",
    folder: str | Path = "comparison",
    steps: int = 12,
) -> BenchPanel:
    """Compare generators on the same prompts; ``sources`` and ``prompts`` are one a line."""
    return BenchPanel(sources, prompts, folder, steps)
