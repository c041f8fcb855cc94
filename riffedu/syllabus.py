"""The syllabus: the only list of lessons, from which everything else is generated.

The README's table, the course map in lesson 00, the links between notebooks, the import contracts
in ``pyproject.toml`` and the tests all read it. ``python -m riffedu.syllabus`` rewrites the
README's table and the import contracts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from riffedu.errors import RiffeduError


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    ``modules`` are the library modules that the lesson introduces, without the leading
    ``riffedu.``; a module imports only from the modules of its own and of earlier lessons.
    ``number`` 1.5 is lesson 01b, which was added between 01 and 02 without renumbering the
    others. ``needs`` are the numbers of the lessons to know first; ``minutes`` is the time to read
    it and do its exercises; ``state`` is "ready" or "planned".
    """

    number: float
    slug: str
    title: str
    idea: str
    minutes: int
    modules: tuple[str, ...]
    needs: tuple[float, ...] = ()
    state: str = "ready"

    @property
    def label(self) -> str:
        """The number as it is written: ``02``, or ``01b`` for 1.5."""
        return f"{int(self.number):02d}{'b' if self.number % 1 else ''}"

    @property
    def name(self) -> str:
        """The notebook's name without its ending, such as ``02_stft``."""
        return f"{self.label}_{self.slug}"

    @property
    def notebook(self) -> str:
        """The notebook's path in the course folder."""
        return f"notebooks/{self.name}.ipynb"

    @property
    def heading(self) -> str:
        """Number and title, such as ``02 The STFT``."""
        return f"{self.label} {self.title}"


LESSONS = (
    Lesson(
        0,
        "hear_it_first",
        "Hear it first",
        "a prompt becomes music",
        30,
        ("music.pipeline",),
    ),
    Lesson(
        1,
        "sound",
        "Sound as numbers",
        "samples, rate, bits, level",
        115,
        (
            "signal.arrays",
            "signal.files",
            "signal.audio",
            "signal.sampling",
            "signal.synth",
        ),
    ),
    Lesson(
        1.5,
        "fourier",
        "How much of this sine?",
        "the Fourier transform by hand",
        110,
        ("signal.fourier",),
        (1,),
    ),
    Lesson(
        2,
        "stft",
        "The STFT",
        "windows, frames, and back",
        130,
        ("signal.stft",),
        (1, 1.5),
    ),
    Lesson(
        3,
        "mel",
        "Mel",
        "pitch as we hear it",
        90,
        ("signal.params", "signal.mel"),
        (1, 2),
    ),
    Lesson(
        4,
        "image",
        "A spectrogram as a picture",
        "amplitudes as grey levels; painting a sound",
        85,
        ("signal.picture", "signal.image", "signal.convert", "signal.paint"),
        (1, 2, 3),
    ),
    Lesson(
        5,
        "griffin_lim",
        "Griffin-Lim",
        "phases estimated from magnitudes",
        110,
        ("signal.phase",),
        (2, 4),
    ),
    Lesson(
        6,
        "beyond_griffin_lim",
        "Beyond Griffin-Lim",
        "faster, and better",
        110,
        ("signal.admm", "signal.pghi", "signal.inversion", "signal.reconstruct", "signal.fidelity"),
        (3, 4, 5),
    ),
    Lesson(
        7,
        "noise",
        "Noise",
        "the forward process",
        110,
        ("diffusion.schedule", "diffusion.noise", "diffusion.toy"),
        (4,),
    ),
    Lesson(
        8,
        "denoising",
        "Denoising",
        "steps and samplers",
        110,
        ("diffusion.samplers",),
        (7,),
    ),
    Lesson(
        8.5,
        "unet",
        "Inside the U-Net",
        "levels, skips, time, attention",
        90,
        ("diffusion.unet",),
        (8,),
    ),
    Lesson(
        9,
        "latents",
        "Latents",
        "the autoencoder: what it keeps, and what a single latent draws",
        120,
        (
            "diffusion.checkpoint",
            "diffusion.shared",
            "diffusion.weights",
            "diffusion.finding",
            "diffusion.single_file",
            "diffusion.devices",
            "diffusion.codec",
            "diffusion.latents",
        ),
        (4, 7),
    ),
    Lesson(
        10,
        "text_and_guidance",
        "Text and guidance",
        "words steer the noise",
        110,
        ("diffusion.guidance", "diffusion.attention"),
        (7, 8, 8.5),
    ),
    Lesson(
        11,
        "text_to_music",
        "Text to music",
        "the whole pipeline, stage by stage",
        60,
        (
            "diffusion.windows",
            "music.provenance",
            "signal.stereo",
            "music.result",
            "music.pulse",
            "music.musical_key",
            "music.prompt_schedule",
            "music.generate",
            "music.xray",
        ),
        (0,),
    ),
    Lesson(
        12,
        "editing",
        "Editing sound",
        "transform, inpaint, extend, loop",
        90,
        (
            "signal.stems",
            "music.masks",
            "music.edit",
            "music.continuation",
            "music.looping",
        ),
        (8, 9),
    ),
    Lesson(
        13,
        "interpolation",
        "Interpolation",
        "from one sound to another, without end; play it live",
        130,
        ("music.interpolate", "music.stream", "music.instrument", "music.riffuse"),
        (8, 9, 10, 12),
    ),
    Lesson(
        14,
        "train_your_own",
        "Train your own",
        "sounds, captions, a denoiser; a LoRA of your own sounds",
        120,
        ("diffusion.lora", "training"),
        (8, 9, 10),
    ),
    Lesson(
        15,
        "measure_and_compare",
        "Measure it, and what came after",
        "figures you can trust; newer models, in miniature",
        165,
        ("evaluate", "miniatures"),
        (8, 11, 12, 14),
    ),
)


def lesson(number: float | str) -> Lesson:
    """Return the lesson with this number or label (5, 1.5, "5", "01b").

    Raises RiffeduError if there is none.
    """
    for each in LESSONS:
        if number == each.number or str(number).zfill(len(each.label)) == each.label:
            return each
    have = ", ".join(each.label.removeprefix("0") for each in LESSONS)
    raise RiffeduError(f"there is no lesson {number}: choose one of {have}")


def module_order() -> list[Lesson]:
    """Return the lessons in the order in which their modules build on one another.

    Lesson 00 calls the finished pipeline, so its module builds on those of lessons 01 to 13.
    """
    first, *rest = LESSONS
    finished = [each for each in rest if each.number < 14]
    return [*finished, first, *rest[len(finished) :]]


def ending(module: str) -> str:
    """Return the ending of a module's path: "/" for a package, ".py" for a module."""
    folder = Path(__file__).parent.joinpath(*module.split("."))
    return "/" if folder.is_dir() else ".py"


def table() -> str:
    """Return the README's table of lessons, in Markdown."""
    lines = ["| lesson | idea | minutes | modules |", "|---|---|---|---|"]
    for each in LESSONS:
        ready = each.state == "ready"
        title = f"[{each.heading}]({each.notebook})" if ready else f"{each.heading} (planned)"
        modules = ", ".join(
            f"[`{module}`](riffedu/{module.replace('.', '/')}{ending(module)})"
            for module in each.modules
        )
        lines.append(f"| {title} | {each.idea} | {each.minutes} | {modules} |")
    return "\n".join(lines)


def layers() -> list[str]:
    """Return the layers of the import contract, highest first.

    The shell and the app come first, then one layer per lesson. The finished pipeline also loads
    what lesson 14 trains, so ``diffusion.lora`` stands below it, in a layer of its own.
    """
    below = ("diffusion.lora",)
    ordered = [tuple(m for m in each.modules if m not in below) for each in module_order()]
    ordered.insert(ordered.index(LESSONS[0].modules), below)
    lessons = [" : ".join(f"riffedu.{m}" for m in modules) for modules in ordered if modules]
    return [*(f"riffedu.{m}" for m in ("cli", "verbs", "lessons", "app")), *reversed(lessons)]


def between(text: str, start: str, end: str, new: str) -> str:
    """Return ``text`` with what is between the lines ``start`` and ``end`` replaced by ``new``."""
    before, found, rest = text.partition(start + "\n")
    _, closed, after = rest.partition(end + "\n")
    if not (found and closed):
        raise RiffeduError(f"the file has no {start} … {end}")
    return f"{before}{start}\n{new}\n{end}\n{after}"


def drawn(readme: str, project: str) -> tuple[str, str]:
    """Return README.md and pyproject.toml with the table and layers of this syllabus."""
    contract = "layers = [\n" + "".join(f'    "{layer}",\n' for layer in layers()) + "]"
    return (
        between(readme, "<!-- syllabus -->", "<!-- /syllabus -->", table()),
        between(project, "# syllabus", "# /syllabus", contract),
    )


if __name__ == "__main__":
    from riffedu.output import write_text
    from riffedu.paths import course_folder

    files = [course_folder() / name for name in ("README.md", "pyproject.toml")]
    for file, text in zip(files, drawn(*(file.read_text("utf-8") for file in files))):
        write_text(file, text)
