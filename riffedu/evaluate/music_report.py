"""Lesson 15: the music table as text: for a terminal, for the model card, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from riffedu.evaluate.music import MEASURES
from riffedu.evaluate.report import _table
from riffedu.output import write_text


def to_markdown(report: dict[str, Any]) -> str:
    """Return a report of `riffedu.evaluate.music.music` as Markdown."""
    parts = [_origin(report), _ratios(report), _whole(report), _raw(report)]
    if "tempo" in report:
        parts += _asked(report)
    if "memorisation" in report:
        parts.append(_memory(report["memorisation"]))
    return "\n\n".join(parts) + "\n"


def _origin(report: dict[str, Any]) -> str:
    return (
        f"{report['date']}, {report['seeds']} seeds from {report['seed']} on. Model "
        f"{report['model']} (sha256 {report['model_hash']}), {report['steps']} steps, guidance "
        f"{report['guidance']:g} on the last {report['guidance_below']:.0%} of the way. Each "
        "figure is the mean of generated clips ÷ the mean of test renders of the same kind "
        "through the same codec and back from sound, with a 95 % interval over clips "
        "(bootstrap); – where renders themselves have too little of it to compare."
    )


def _ratios(report: dict[str, Any]) -> str:
    found = report["summary"]
    rows = []
    for row in report["classes"]:
        cells = [_ratio(found[name]["classes"].get(row["name"])) for name in MEASURES]
        if row["codec"]:
            rows.append([f"{row['prompt']}", str(len(row["codec"]["notes"])), *cells])
    for told, key in (("**mean of min(1, ratio)**", "mean"), ("codec ÷ render, the same", "codec")):
        rows.append([told, "", *(_ratio(found[name][key]) for name in MEASURES)])
    rows.append(["lowest", "", *(found[name]["lowest"] or "–" for name in MEASURES)])
    return _table(["generated ÷ codec", "renders", *MEASURES], rows)


def _whole(report: dict[str, Any]) -> str:
    found = [report["summary"][name]["mean"] for name in MEASURES]
    values = [mean["value"] for mean in found if mean]
    step = report["summary"]["borders"]
    return (
        f"Mean of the {len(values)} measures: {sum(values) / max(len(values), 1):.2f}. Step "
        f"between columns at patch borders ÷ elsewhere (1 is none): generated "
        f"{_number(step['generated'])}, codec {_number(step['codec'])}, renders "
        f"{_number(step['render'])}."
    )


def _raw(report: dict[str, Any]) -> str:
    """Return the values of the measures themselves: means of all classes per stage, and of noise.

    Prompts without renders to compare with are listed, too.
    """
    real = [row for row in report["classes"] if row["codec"]]
    names = (*MEASURES, "borders")
    rows = [
        [told, *(_number(_mean([v for row in real for v in row[stage][name]])) for name in names)]
        for told, stage in (
            ("renders, back from sound", "render"),
            ("renders, through the codec", "codec"),
            ("generated", "generated"),
        )
    ]
    rows += [
        [
            f"“{row['prompt']}”, which it never learnt",
            *(_number(_mean(row["generated"][name])) for name in names),
        ]
        for row in report["classes"]
        if not row["codec"]
    ]
    rows.append(["white noise", *(_number(report["noise"][name]) for name in names)])
    return _table(["readings", *names], rows)


def _asked(report: dict[str, Any]) -> list[str]:
    tempo, key = report["tempo"], report["key"]
    rows = [
        [
            "tempo within 8 %, half and double counted",
            _percent(tempo["fits"]),
            _percent(tempo["others"]),
            _percent(tempo["renders"]),
        ],
        [
            "key, the very one",
            _percent(key["exact"]),
            _percent(1 / 24),
            _percent(key["renders_exact"]),
        ],
        [
            "sound on the scale of the key asked for",
            _percent(key["on_scale"]),
            _percent(key["others_on_scale"]),
            _percent(key["renders_on_scale"]),
        ],
        [
            "key, as MIREX scores neighbours",
            _percent(key["score"]),
            "",
            _percent(key["renders_score"]),
        ],
    ]
    rows += [
        [
            f"{pair['name']}: “{pair['more']}” over “{pair['less']}” in {pair['quantity']}",
            _percent(pair["generated"]),
            _percent(0.5),
            _percent(pair["renders"]),
        ]
        for pair in report["pairs"]
    ]
    return [
        _table(
            [
                f"asked for and heard, {tempo['n'][0]} clips for tempo, {key['n'][0]} for key",
                "generated",
                "chance",
                "renders",
            ],
            rows,
        ),
        "Chance: for tempo, the same clips held against the four tempi that others were asked "
        "for; for keys one in 24, for scales the other keys'; for opposites a half.",
    ]


def _memory(told: dict[str, Any]) -> str:
    return (
        f"Nearest of {told['training']} training clips, median distance: generated "
        f"{told['generated']:.3f}, test renders {told['test']:.3f} (ratio "
        f"{told['ratio']:.2f}); {_percent(told['share'])} of {told['clips'][0]} generated "
        f"clips are nearer than 99 of 100 of {told['clips'][1]} test renders "
        f"({told['edge']:.3f})."
    )


def _ratio(found: dict[str, float] | None) -> str:
    return f"{found['value']:.2f} ({found['low']:.2f}–{found['high']:.2f})" if found else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _mean(values: list[float | None]) -> float | None:
    there = [v for v in values if v is not None]
    return sum(there) / len(there) if there else None


def write(report: dict[str, Any], path: Path) -> None:
    """Write Markdown or JSON, by the extension, completely or not at all."""
    text = json.dumps(report, indent=1) + "\n" if path.suffix == ".json" else to_markdown(report)
    write_text(path, text)
