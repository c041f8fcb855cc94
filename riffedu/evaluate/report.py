"""Lesson 15: the evaluation as Markdown (for a terminal or the model card) or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from riffedu import output
from riffedu.errors import RiffeduError

BEGIN, END = "<!-- evaluation -->", "<!-- /evaluation -->"
ROWS = {
    "renders": "test renders",
    "ceiling": "(a) test renders, through the codec, converted to sound and back to a picture: "
    "the ceiling",
    "generated": "(b) generated from held-out phrasings, converted to sound and back to a picture",
    "floor": "(c) the same clips, prompts shuffled: the floor",
}


def to_markdown(report: dict[str, Any]) -> str:
    """Return a report of `riffedu.evaluate.evaluate` as Markdown."""
    head = ["clips", "n", "all", "top-5", "instruments", "top-5", "styles", "top-5"]
    rows = [
        [ROWS[key], str(table["all"]["clips"]), *_cells(table)]
        for key, table in report["accuracy"].items()
    ]
    chance = 1 / report["classes"]
    rows.append(["chance", "", *[_percent(chance), _percent(min(1, 5 * chance))] * 3])
    parts = [_origin(report), _table(head, rows)]
    if share := report.get("share_of_ceiling"):
        told = ", ".join(f"{group} {_percent(value)}" for group, value in share.items())
        parts.append(f"(b) as a share of the ceiling (a): {told}.")
    if distance := report.get("frechet"):
        clips = f"{distance['clips']} clips each, every class equally often in both"
        parts.append(
            _table(
                [f"Fréchet distance to (a), {clips}", "d²"],
                [
                    ["(b) generated clips", f"{distance['generated']:.2f}"],
                    [
                        "other real renders (validation split), through the codec",
                        f"{distance['renders']:.2f}",
                    ],
                ],
            )
        )
    for key, mistakes in report["confusions"].items():
        told = "; ".join(f"{a} heard as {h} {n} of {of}" for a, h, n, of in mistakes) or "none"
        weak = "; ".join(f"{c} {right} of {of}" for c, right, of in report["weakest"][key])
        parts.append(
            f"{ROWS[key].partition(',')[0].partition(' from')[0]}: "
            f"most frequent mistakes: {told}. Least often right: {weak}."
        )
    return "\n\n".join(parts) + "\n"


def _origin(report: dict[str, Any]) -> str:
    lines = [f"{report['date']}, seed {report['seed']}, {report['per_class']} clips per class."]
    if report.get("model"):
        lines.append(
            f"Model {report['model']} (sha256 {report['model_hash']}), "
            f"{report['steps']} steps, guidance {report['guidance']:g} in the last "
            f"{100 * report.get('guidance_below', 1):.0f} % of the timesteps, "
            f"pulse {report.get('pulse', 0):g}, key {report.get('key_gain', 0):g}."
        )
    lines.append(
        f"Classifier of {report['classes']} names (sha256 {report['classifier_hash']}), trained "
        "on real renders of the training split only; all figures are its top-1 or top-5 "
        "accuracy in %, with the standard error of top-1."
    )
    return " ".join(lines)


def _cells(table: dict[str, Any]) -> list[str]:
    cells = []
    for group in ("all", "instrument", "style"):
        found = table.get(group)
        cells += (
            [
                f"{100 * found['top1']:.1f} ± {100 * found['error']:.1f}",
                f"{100 * found['top5']:.1f}",
            ]
            if found
            else ["–", "–"]
        )
    return cells


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _table(head: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        first, *others = (
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths))
        )
        return "| " + " | ".join([first, *others]) + " |"

    rule = (
        "|"
        + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
        + "|"
    )
    return "\n".join([line(head), rule, *map(line, rows)])


def check_output(path: str | Path, overwrite: bool = True) -> Path:
    """Check where the table will be written.

    Raises RiffeduError unless the name ends in .md or .json and the file can be written.
    """
    if Path(path).suffix not in (".md", ".json"):
        raise RiffeduError(f"{path}: the table can be written as .md or .json")
    return output.check_output(path, what="table", overwrite=overwrite)


def write(report: dict[str, Any], path: Path) -> None:
    """Write Markdown or JSON, depending on the extension, completely or not at all."""
    text = json.dumps(report, indent=1) + "\n" if path.suffix == ".json" else to_markdown(report)
    output.write_text(path, text)


def check_card(folder: Path) -> Path:
    """Return the model card in ``folder``; raise RiffeduError without its two markers."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    if not 0 <= text.find(BEGIN) < text.find(END):
        raise RiffeduError(f"{card} has no place for the table: add the lines {BEGIN} and {END}")
    return card


def write_card(report: dict[str, Any], card: Path) -> None:
    """Write the table between the markers of the model card and leave everything else unchanged."""
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    output.write_text(card, f"{before}{BEGIN}\n{to_markdown(report)}{END}{after}")
