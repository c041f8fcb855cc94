"""Lesson 15: the music table as Markdown (for a terminal or the model card) or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from riffedu.evaluate.music import MEASURES
from riffedu.evaluate.report import _table
from riffedu.output import write_text

_MORE = {
    "height": "is higher in pitch than",
    "onsets": "has more onsets per second than",
    "majorness": "sounds more major than",
    "brightness": "is brighter than",
    "width": "has a wider pitch range than",
}


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
        f"{report['date']}, {report['seeds']} seeds, starting at {report['seed']}. Model "
        f"{report['model']} (sha256 {report['model_hash']}), {report['steps']} steps, guidance "
        f"{report['guidance']:g} in the last {100 * report['guidance_below']:.0f} % of the "
        f"timesteps, pulse {report.get('pulse', 0):g}, key {report.get('key_gain', 0):g}. Each "
        "figure is the mean of generated clips ÷ the mean of test renders of the same kind, passed "
        "through the same codec, converted to sound and back to a picture, with a 95 % interval "
        "over clips (bootstrap). A dash means that the renders themselves have too little of the "
        "quantity to compare."
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
        f"between columns at patch borders ÷ elsewhere (1 means no visible border): generated "
        f"{_number(step['generated'])}, codec {_number(step['codec'])}, renders "
        f"{_number(step['render'])}."
    )


def _raw(report: dict[str, Any]) -> str:
    """Return the values of the measures themselves: means of all classes per stage, and of noise.

    Prompts without renders to compare with are also listed.
    """
    real = [row for row in report["classes"] if row["codec"]]
    names = (*MEASURES, "borders")
    rows = [
        [told, *(_number(_mean([v for row in real for v in row[stage][name]])) for name in names)]
        for told, stage in (
            ("renders, converted to sound and back", "render"),
            ("renders, passed through the codec", "codec"),
            ("generated", "generated"),
        )
    ]
    rows += [
        [
            f"“{row['prompt']}”, a prompt outside its training",
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
            "tempo within 8 %; half and double tempo count as correct",
            _percent(tempo["fits"]),
            _percent(tempo["others"]),
            _percent(tempo["renders"]),
        ],
        [
            "key, exact match",
            _percent(key["exact"]),
            _percent(1 / 24),
            _percent(key["renders_exact"]),
        ],
        [
            "share of the sound on notes of the requested key's scale",
            _percent(key["on_scale"]),
            _percent(key["others_on_scale"]),
            _percent(key["renders_on_scale"]),
        ],
        [
            "key, MIREX weighted score (related keys count in part)",
            _percent(key["score"]),
            "",
            _percent(key["renders_score"]),
        ],
    ]
    rows += [
        [
            f"{pair['name']}: “{pair['more']}” {_MORE[pair['quantity']]} “{pair['less']}”",
            _percent(pair["generated"]),
            _percent(0.5),
            _percent(pair["renders"]),
        ]
        for pair in report["pairs"]
    ]
    return [
        _table(
            [
                f"requested and measured: {tempo['n'][0]} clips for tempo, {key['n'][0]} for key",
                "generated",
                "chance",
                "renders",
            ],
            rows,
        ),
        "Chance is, for tempo, how often the same clips match the tempi that the other prompts "
        "asked for; for keys, one in 24; for scales, the share of sound on the scales of the other "
        "keys; for pairs of opposites, one half.",
    ]


def _memory(told: dict[str, Any]) -> str:
    return (
        f"Median distance to the nearest of {told['training']} training clips: generated "
        f"{told['generated']:.3f}, test renders {told['test']:.3f} (ratio "
        f"{told['ratio']:.2f}). {_percent(told['share'])} of the {told['clips'][0]} generated "
        f"clips are closer to a training clip than {told['edge']:.3f}, the distance that 99 % of "
        f"the {told['clips'][1]} test renders exceed."
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
    """Write Markdown or JSON, depending on the extension, completely or not at all."""
    text = json.dumps(report, indent=1) + "\n" if path.suffix == ".json" else to_markdown(report)
    write_text(path, text)
