"""The map of the course: which lessons are here, and which are still to come."""

from __future__ import annotations

from pathlib import Path

LESSONS = [
    ("00", "hear it first", "words become five seconds of music", "generate"),
    ("01", "sound as numbers", "samples, rate, level", "audio"),
    ("02", "STFT", "which pitches, and when", "stft"),
    ("03", "mel", "pitches as ears space them", "mel"),
    ("04", "spectrogram as image", "a sound as pixels; painting a sound", "image"),
    ("05", "Griffin-Lim", "finding the phase that the picture lost", "phase"),
    ("06", "beyond Griffin-Lim", "faster and better phases", "phase"),
    ("07", "noise", "the forward process: from picture to noise", "schedule"),
    ("08", "denoising", "steps and samplers: from noise to picture", "samplers"),
    ("09", "latents", "a small code for a big picture", "checkpoint"),
    ("10", "text and guidance", "words as numbers that steer", "guidance"),
    ("11", "text to music", "the whole road, stage by stage", "generate"),
    ("12", "editing sound", "transform, fill in, extend, loop", "edit"),
    ("13", "interpolation", "from one clip to another, endlessly", "interpolate"),
    ("14", "train your own", "data, autoencoder, denoiser, fine-tuning", "training/"),
    ("15", "measure it", "honest figures, and what came after", "evaluate"),
]


class CourseMap:
    """The lessons as a table; one is "here" where its notebook lies in the folder."""

    def __init__(self, folder: Path):
        self.here = {path.name[:2]: path.name for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))}

    @property
    def rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (number, name, idea, module, "here" if number in self.here else "planned")
            for number, name, idea, module in LESSONS
        ]

    def _repr_markdown_(self) -> str:
        lines = ["| | lesson | its idea | its module | |", "|---|---|---|---|---|"]
        for number, name, idea, module, state in self.rows:
            title = f"[{name}]({self.here[number]})" if number in self.here else name
            lines.append(f"| {number} | {title} | {idea} | `{module}` | {state} |")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return "\n".join(" · ".join(row) for row in self.rows)


def course_map(folder: str | Path | None = None) -> CourseMap:
    """The map of the lessons in ``folder`` (default: the course's ``notebooks/``)."""
    from riffedu.paths import course_folder

    return CourseMap(Path(folder) if folder else course_folder() / "notebooks")
