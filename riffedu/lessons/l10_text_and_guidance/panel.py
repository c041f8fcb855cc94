"""The panel and figures of notebooks/10_text_and_guidance.ipynb."""

from __future__ import annotations

import html
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np

from riffedu.errors import RiffeduError
from riffedu.widgets.job import JobControls
from riffedu.widgets.live import LiveFigure, LiveSound
from riffedu.widgets.panel import WIDE, Panel, note, row, seed_box, slider, toggles
from riffedu.widgets.pictures import Picture, figure_png, height, new_figure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from PIL.Image import Image

    from riffedu.music.pipeline import Pipeline

SECONDS = 5.12
STEPS = 8
OVERLAY = 0.65  # opacity of the strongest colour, so that the picture stays visible
HERTZ = (100, 500, 1000, 2000, 4000)
FULL = w.Layout(width="640px", max_width="98%")


def similarity_picture(
    matrix: ArrayLike, prompts: Sequence[str], title: str = "Cosine between prompts"
) -> Picture:
    """Plot the cosine similarities of prompts, ``(n, n)``, as a table; dark means similar."""
    matrix = np.asarray(matrix, dtype=np.float64)
    count = len(prompts)
    if matrix.shape != (count, count):
        raise RiffeduError(f"{count} prompts need a table of {count} × {count}, not {matrix.shape}")
    figure, [[axis]] = new_figure(1, 1, 3.4 + 0.44 * count, 1.0 + 0.34 * count)
    shown = axis.imshow(matrix, cmap="Purples", vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(count, count):
        dark = matrix[i, j] > 0.6
        axis.text(
            j,
            i,
            f"{matrix[i, j]:.1f}".replace("-0.0", "0.0"),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else "black",
        )
    axis.set_yticks(range(count), [f"{text}  ({n + 1})" for n, text in enumerate(prompts)])
    axis.set_xticks(range(count), [str(n + 1) for n in range(count)])
    axis.tick_params(labelsize=8.5, length=0)
    axis.set_title(title, fontsize=10)
    figure.colorbar(shown, ax=axis).ax.tick_params(labelsize=8)
    words = []
    for n, text in enumerate(prompts):
        others = np.where(np.arange(count) == n, -np.inf, matrix[n])
        near = int(others.argmax())
        if count > 1:
            words.append(f"“{text}” is nearest to “{prompts[near]}” ({others[near]:.2f})")
    return Picture(
        figure_png(figure), f"{title}, a table of {count} by {count}. {'; '.join(words)}."
    )


def attention_pictures(
    image: Image, maps: Mapping[str, ArrayLike], seconds: float | None = None
) -> Picture:
    """Plot a spectrogram picture once per word, with the attention to that word in orange.

    ``maps`` is the result of `riffedu.diffusion.attention.maps_by_word`. Full orange marks the
    word's largest weight, no colour its smallest; the titles state both. Raises RiffeduError if
    there are no maps.
    """
    arrays = {name: np.asarray(share, dtype=np.float64) for name, share in maps.items()}
    if not arrays:
        raise RiffeduError("there are no words to draw: give at least one map")
    columns = min(4, len(arrays))
    seconds = seconds or image.width / 100
    figure, axes = new_figure(-(-len(arrays) // columns), columns, 2.55, 2.5)
    alt = []
    for number, axis in enumerate(axes.flat):
        if number >= len(arrays):
            axis.set_axis_off()
            continue
        name, share = list(arrays.items())[number]
        under, over = _layers(axis, seconds)
        under.set_data(np.asarray(image.convert("L")))
        _colour(over, share)
        _ticks(axis, labels=number % columns == 0)
        if number % columns == 0:
            axis.set_ylabel("Hz (mel scale)", fontsize=9)
        axis.set_title(f"{name}: {percent_range(share)}", fontsize=9.5)
        row, column = np.unravel_index(share.argmax(), share.shape)
        alt.append(
            f"“{name}” takes {percent_range(share)}, most at "
            f"{(column + 0.5) / share.shape[1] * seconds:.1f} s, "
            f"{1 - (row + 0.5) / share.shape[0]:.0%} of the way up"
        )
    return Picture(
        figure_png(figure),
        f"A spectrogram picture {len(maps)} times, in orange where each "
        f"word was attended to. {'; '.join(alt)}.",
    )


def percent_range(weights: ArrayLike) -> str:
    """Return the range of an attention map in percent, for titles."""
    return f"{100 * np.min(weights):.0f} to {100 * np.max(weights):.0f} %"


class TextPanel(Panel):
    """A panel that runs a prompt with guidance and shows the attention to each word.

    Controls by name: ``prompt, negative, guidance, below, seed, run_button, stop_button, progress,
    status, word, step, shown, listen_button``.

    `figure` shows the previous run, this run, and this run overlaid with the attention to the
    selected word; `heard` plays one of the two runs after a press of `listen_button`. ``now`` and
    ``before`` are these runs, dicts with their settings, ``latents``, ``image`` and ``maps``: for
    each step, word → attention map.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        prompt: str,
        negative: str = "",
        seed: int = 0,
        steps: int = STEPS,
        duration: float = SECONDS,
    ) -> None:
        self.pipeline, self.steps, self.duration = pipeline, steps, duration
        self.now: dict | None = None
        self.before: dict | None = None
        self.prompt = w.Text(value=prompt, description="Prompt", style=WIDE, layout=FULL)
        self.negative = w.Text(
            value=negative,
            description="Negative prompt",
            style=WIDE,
            layout=FULL,
            placeholder="what should not be there; empty: no words",
        )
        scale = min(12.0, pipeline.settings(None, None)[1])
        self.guidance = slider(
            "Guidance", scale, 0, 12, 0.5, readout_format=".1f", continuous_update=False
        )
        self.below = slider(
            "up to t =", pipeline.guidance_below, 0, 1, 0.05, continuous_update=False
        )
        self.seed = seed_box(seed)
        self.job = JobControls("Run")
        self.run_button, self.stop_button = self.job.start_button, self.job.stop_button
        self.progress, self.status = self.job.progress, self.job.status
        self.word = w.Dropdown(options=[], description="Word", style=WIDE, disabled=True)
        self.step = slider("at step (0: all)", 0, 0, steps, disabled=True)
        self.shown = toggles([("this run", "now"), ("the run before", "before")], "Sound of")
        self.listen_button = w.Button(
            description="Listen",
            icon="volume-up",
            disabled=True,
            tooltip="Turn this picture into sound",
        )
        self.figure = LiveFigure(columns=3, width=9.6, height=3.3)
        self.facts, self.heard = w.HTML(), LiveSound("A run")
        self._draw_axes()
        self.word.observe(self._show, "value")
        self.step.observe(self._show, "value")
        self.shown.observe(self._choose, "value")
        self.run_button.on_click(lambda _: self.run())
        self.listen_button.on_click(self.listen)
        self.box = w.VBox(
            [
                self.prompt,
                self.negative,
                self.guidance,
                self.below,
                self.seed,
                self.job.box,
                row(self.word, self.step),
                self.figure.widget,
                self.facts,
                row(self.shown, self.listen_button, self.heard.widget),
                note(
                    f"{steps} steps. Orange: where the chosen word got its largest share of "
                    "attention; no colour: its smallest. t goes from 1, pure noise, to 0; guidance "
                    "above 1 acts only up to the t that you set."
                ),
            ]
        )
        self.figure.say("Nothing yet: press Run.")

    def run(self) -> None:
        """Start a run, like the Run button; call `wait` to wait for its end."""
        asked = {
            name: getattr(self, name).value
            for name in ("prompt", "negative", "guidance", "below", "seed")
        }
        self.job.start(lambda step: self._work(step, asked), self.steps + 1)

    def wait(self, seconds: float = 120.0) -> None:
        """Wait for the run to end, at most ``seconds``."""
        self.job.wait(seconds)

    def _work(self, step: Callable[[str], Any], asked: dict[str, Any]) -> None:
        from riffedu.diffusion.attention import maps_by_word, record_attention

        if not asked["prompt"].strip():
            raise RiffeduError('the prompt is empty: say what to play, e.g. "a calm solo piano"')
        pipeline, maps = self.pipeline, []
        remarks = self._remarks(asked)
        noise = pipeline.initial_noise(asked["seed"], self.duration)
        text, negative = (pipeline.encode_prompt(asked[name]) for name in ("prompt", "negative"))
        run = pipeline.denoise(
            noise, text, negative, self.steps, asked["guidance"], guidance_below=asked["below"]
        )
        with record_attention(pipeline.checkpoint.unet) as record:
            for state in run:
                step(f"Step {state.step} of {state.total}")
                grids = record.maps(*noise.shape[2:])
                maps.append(maps_by_word(grids, pipeline.checkpoint.tokenizer, asked["prompt"]))
        step("Drawing")
        [image] = pipeline.decode_latents(state.latents, pipeline.columns(self.duration))
        self._take({**asked, "latents": state.latents, "image": image, "maps": maps})
        self.job.say(" ".join([*(f"Note: {remark}." for remark in remarks), "Done."]))

    def _remarks(self, asked: dict[str, Any]) -> list[str]:
        """Warnings about the prompts: too long, or not in the Latin alphabet."""
        from riffedu.diffusion.guidance import PromptWarning, warn_about_prompt

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PromptWarning)
            for name in ("prompt", "negative"):
                warn_about_prompt(self.pipeline.checkpoint.tokenizer, asked[name])
        return [str(remark.message) for remark in caught]

    def _take(self, made: dict[str, Any]) -> None:
        self.before, self.now = self.now, made
        names = list(made["maps"][0])
        chosen = self.word.value if self.word.value in names else self._first(names)
        self.word.unobserve(self._show, "value")
        self.word.options, self.word.value = names, chosen
        self.word.observe(self._show, "value")
        self.word.disabled = self.step.disabled = False
        self._choose()
        self._show()

    @staticmethod
    def _first(names: list[str]) -> str:
        """The longest word, which is often the instrument."""
        return max(names[:-1] or names, key=len)

    def listen(self, _: Any = None) -> None:
        """Convert the picture of the selected run to sound and load it into the player."""
        made = getattr(self, self.shown.value)
        try:
            result = self.pipeline.play_picture(made["image"], {})
        except RiffeduError as error:
            self.job.fail(error)
            return
        self.heard.set(result.waveform, result.sample_rate, settings(made), image=result.image)

    def _choose(self, _: Any = None) -> None:
        self.listen_button.disabled = getattr(self, self.shown.value) is None
        self.heard.clear()

    def _draw_axes(self) -> None:
        self._under = []
        for axis in self.figure.axes:
            under, self._over = _layers(axis, self.duration)
            self._under.append(under)
            _ticks(axis)
        self.figure.axes[0].set_ylabel("Hz (mel scale)", fontsize=9)
        for axis, title in zip(self.figure.axes, ("The run before", "This run", "Attention")):
            axis.set_title(title, fontsize=10)

    def _show(self, _: Any = None) -> None:
        if self.now is None:
            return
        moments = self.now["maps"]
        at = min(self.step.value, len(moments))
        chosen = moments[at - 1 : at] if at else moments
        share = np.mean([np.asarray(moment[self.word.value]) for moment in chosen], axis=0)
        for under, made in zip(self._under, (self.before, self.now, self.now)):
            if made:
                under.set_data(np.asarray(made["image"].convert("L")))
        _colour(self._over, share)
        words = (
            f"“{self.word.value}” at {f'step {at}' if at else 'all steps'}: {percent_range(share)}"
        )
        self.figure.axes[2].set_title(words if len(words) < 40 else words[:38] + "…", fontsize=10)
        facts = f"{settings(self.now)}; spread of the latents {self.now['latents'].std():.2f}."
        if self.before:
            apart = (self.now["latents"] - self.before["latents"]).square().mean().sqrt()
            facts += (
                f" From the run before ({settings(self.before)}): {apart:.2f}, root mean square."
            )
        facts += f" Attention: {words} of what a place takes in."
        self.facts.value = f'<p role="status">{html.escape(facts)}</p>'
        self.figure.refresh(
            "Left the run before, in the middle this run, right the same with the "
            f"attention to one word in orange. {facts}"
        )


def settings(made: dict[str, Any]) -> str:
    """Return a one-line summary of a run's settings."""
    parts = [f"“{made['prompt']}”", f"seed {made['seed']}", f"guidance {made['guidance']:g}"]
    if made["below"] < 1:
        parts.append(f"up to t = {made['below']:g}")
    if made["negative"].strip():
        parts.append(f"not “{made['negative']}”")
    return ", ".join(parts)


def _layers(axis: Any, seconds: float) -> tuple[Any, Any]:
    """Two empty image layers: the spectrogram and the attention map over it."""
    place = {"extent": (0, seconds, 0, 1), "aspect": "auto", "interpolation": "nearest"}
    under = axis.imshow([[255]], cmap="gray", vmin=0, vmax=255, **place)
    over = axis.imshow([[0.0]], cmap="Oranges", vmin=-0.6, vmax=1.3, alpha=0.0, **place)
    return under, over


def _colour(over: Any, share: ArrayLike) -> None:
    """Show an attention map: transparent at its minimum, full colour at its maximum."""
    share = np.asarray(share, dtype=np.float64)
    strength = (share - share.min()) / (np.ptp(share) or 1.0)
    over.set_data(strength)
    over.set_alpha(OVERLAY * strength)


def _ticks(axis: Any, labels: bool = True) -> None:
    axis.set_yticks([height(f) for f in HERTZ])
    axis.set_yticklabels(
        [f"{f:g}" if f < 1000 else f"{f / 1000:g}k" for f in HERTZ] if labels else [""] * len(HERTZ)
    )
    axis.set_xlabel("seconds", fontsize=9)
    axis.tick_params(labelsize=8)


def text_panel(
    pipeline: Pipeline,
    prompt: str = "glockenspiel melody over synth bass",
    negative: str = "",
    seed: int = 0,
    **options: Any,
) -> TextPanel:
    """Set prompt, negative prompt and guidance, and see the attention to each word.

    ``options``: ``steps`` of a run (8), ``duration`` of the clip (5.12 s).
    """
    return TextPanel(pipeline, prompt, negative, seed, **options)
