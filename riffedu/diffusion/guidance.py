"""From words to a direction: token states, and guidance towards them (lesson 10).

The text encoder turns a prompt into a row of vectors, one per token. The U-Net looks at them
through cross-attention, so what it predicts depends on the words. Asking it twice, with the words
and without, shows which way the words pull; guidance goes further that way.
"""

import re
import unicodedata
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

STRONGER = 1.1
"""What a pair of round brackets multiplies by; square ones divide by it."""
LONGEST = 8
"""Times the text encoder is asked at most for one prompt: 30 words or so each."""
_PIECES = re.compile(r"\\[()\[\]\\]|:\s*([+-]?\d*\.?\d+)\s*\)|[()\[\]]|[^()\[\]:\\]+|.", re.S)


class PromptWarning(UserWarning):
    """The prompt runs, but part of it will not be heard."""


def encode_prompts(text_encoder: Any, tokenizer: Any, texts: list[str]) -> "Tensor":
    """Token states of prompts: float32 ``(prompts, tokens, width)``.

    Every prompt is padded or cut to ``tokenizer.model_max_length`` tokens, so states of different
    prompts can be mixed and compared; the empty string gives the unconditional states. The
    attention mask is used when the text encoder's config says so (BERT), else not (CLIP in Stable
    Diffusion v1). Source: Rombach et al. 2022, "High-Resolution Image Synthesis with Latent
    Diffusion Models", §3.3. Notebook: 10_text_and_guidance.
    """
    import torch

    device = next(text_encoder.parameters()).device
    tokens = tokenizer(
        texts,
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).to(device)
    masked = getattr(text_encoder.config, "use_attention_mask", False)
    with torch.no_grad():
        return text_encoder(tokens.input_ids, tokens.attention_mask if masked else None)[0]


def prompt_vectors(text_encoder: Any, tokenizer: Any, texts: list[str]) -> "Tensor":
    """One vector for each prompt, the mean of its tokens' states: float32 ``(prompts, width)``.

    The states of the filling are left out. Only for comparing prompts (see `cosine_similarities`): the U-Net gets
    all the states, each by itself. Source: Reimers and Gurevych, "Sentence-BERT" (2019), §3.
    Notebook: 10_text_and_guidance.
    """
    states = encode_prompts(text_encoder, tokenizer, texts)
    mask = tokenizer(
        texts,
        padding="max_length",
        max_length=tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    ).attention_mask.to(states.device)[..., None]
    return (states * mask).sum(1) / mask.sum(1)


def cosine_similarities(vectors: "Tensor") -> "Tensor":
    """The cosine of the angle between each two vectors: ``(n, width)`` → ``(n, n)``.

        cos(a, b) = a · b / (|a| |b|)

    1 for the same direction, 0 for a right angle, −1 for opposite. Notebook: 10_text_and_guidance.
    """
    units = vectors / vectors.norm(dim=1, keepdim=True)
    return units @ units.T


def parse_weights(text: str) -> list[tuple[str, float]]:
    r"""What a prompt says, and how much each part of it weighs: the usual notation.

        (soft) weighs 1.1,   ((soft)) 1.21,   [loud] 1 / 1.1,   (fast:1.3) 1.3,   \( is a bracket

    Brackets multiply what they hold; one that is never closed holds all that follows. Neighbours of
    one weight are joined. Notebook: 10_text_and_guidance.
    """
    pieces: list[list] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for found in _PIECES.finditer(text):
        token, weight = found[0], found[1]
        bracket = {")": "(", "]": "["}.get(token[-1]) if len(token) == 1 or weight else None
        if token in opened:
            opened[token].append(len(pieces))
        elif bracket and opened[bracket]:
            factor = float(weight) if weight else STRONGER if bracket == "(" else 1 / STRONGER
            _multiply(pieces[opened[bracket].pop() :], factor)
        else:
            pieces.append([token[1:] if len(token) == 2 and token[0] == "\\" else token, 1.0])
    for bracket, factor in (("(", STRONGER), ("[", 1 / STRONGER)):
        for first in opened[bracket]:
            _multiply(pieces[first:], factor)
    joined: list[tuple[str, float]] = []
    for words, weight in pieces:
        if joined and joined[-1][1] == weight:
            words = joined.pop()[0] + words
        joined.append((words, weight))
    return joined or [("", 1.0)]


def encode_weighted(text_encoder: Any, tokenizer: Any, text: str, keep: str = "rms") -> "Tensor":
    """Token states of one prompt with weights, of any length: ``(1, k · tokens, width)``.

    A prompt that is too long for the encoder is read in k parts, and their states stand in a row. Each
    token's state is multiplied by its weight (see `parse_weights`), then all by one number, so that
    their root mean square stays (``keep="mean"``: their mean, as Riffusion does it, which is fragile
    where the mean is near 0). A short prompt without brackets gives `encode_prompts`' states.
    Raises RiffeduError for weights that leave nothing. Notebook: 10_text_and_guidance.
    """
    import torch

    ids, weights = _tokens_and_weights(tokenizer, parse_weights(text))
    size = tokenizer.model_max_length
    room = size - tokenizer.num_special_tokens_to_add()
    parts = [ids[i : i + room] for i in range(0, len(ids), room)][:LONGEST] or [[]]
    first, *_, last = tokenizer("").input_ids
    rows = [[first, *part, last] for part in parts]
    padded = tokenizer.pad(
        {"input_ids": rows}, padding="max_length", max_length=size, return_tensors="pt"
    )
    device = next(text_encoder.parameters()).device
    masked = getattr(text_encoder.config, "use_attention_mask", False)
    with torch.no_grad():
        states = text_encoder(
            padded.input_ids.to(device), padded.attention_mask.to(device) if masked else None
        )[0]
    heavy = torch.ones(len(rows), size, 1, dtype=states.dtype)
    for i, part in enumerate(parts):
        heavy[i, 1 : 1 + len(part), 0] = torch.tensor(weights[i * room : i * room + len(part)])
    weighted = states * heavy.to(device)
    size_of = (lambda x: x.mean()) if keep == "mean" else (lambda x: x.square().mean().sqrt())
    if float(size_of(weighted)) == 0:
        raise RiffeduError(f"the prompt's weights leave states whose {keep} is zero: change them")
    return (weighted * (size_of(states) / size_of(weighted))).reshape(1, -1, states.shape[-1])


def same_length(states: "Tensor", other: "Tensor", empty: "Tensor") -> tuple["Tensor", "Tensor"]:
    """Both with as many tokens as the longer: the shorter is followed by the states of no words."""
    import torch

    longest = max(states.shape[1], other.shape[1])

    def filled(x: "Tensor") -> "Tensor":
        missing = (longest - x.shape[1]) // empty.shape[1]
        return torch.cat([x, *[empty.expand(len(x), -1, -1)] * missing], dim=1)

    return filled(states), filled(other)


def encode_all(text_encoder: Any, tokenizer: Any, texts: list[str]) -> "Tensor":
    """`encode_weighted` of several prompts: ``(prompts, tokens, width)``, as many tokens as the longest.

    Shorter prompts are followed by the states of no words. Notebook: 10_text_and_guidance.
    """
    import torch

    known = {text: encode_weighted(text_encoder, tokenizer, text) for text in {*texts, ""}}
    longest = max((known[text] for text in texts), key=lambda states: states.shape[1])
    return torch.cat([same_length(known[text], longest, known[""])[0] for text in texts])


def classifier_free_guidance(conditional, unconditional, scale: float):
    """Go ``scale`` times as far as the words pull: ``u + s·(c − u)``.

    ``c`` and ``u`` are the U-Net's predictions with the prompt and with the negative (or empty)
    prompt, arrays or tensors of one shape. ``s = 0`` gives ``u``, 1 gives ``c``, more than 1
    exaggerates what the words change. Source: Ho & Salimans 2022, "Classifier-Free Diffusion
    Guidance", eq. 6, with ``s = 1 + w``. Notebook: 10_text_and_guidance.
    """
    return unconditional + scale * (conditional - unconditional)


def scale_at(timestep: float, scale: float, below: float) -> float:
    """The guidance scale at one time: ``scale`` where ``timestep`` is at most ``below``, else no more than 1.

    Where nearly all is noise, what the words pull at is not there yet: guidance drives every seed to
    much the same coarse picture, too loud and too alike. Without it there, the clip follows its prompt
    better, and the U-Net is asked once and not twice. Source: Kynkäänniemi et al., "Applying Guidance in
    a Limited Interval Improves Sample and Distribution Quality in Diffusion Models" (2024).
    Notebook: 10_text_and_guidance.
    """
    return scale if timestep <= below else min(scale, 1.0)


def rescale(guided, conditional, share: float):
    """Guidance makes predictions too large: bring their spread back to the conditional one's.

        guided · (share · std(conditional) / std(guided) + 1 − share)

    per item, over all its numbers; ``share`` in [0, 1], 0 changes nothing. Torch tensors. Source: Lin
    et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), eq. 15 and 16.
    Notebook: 10_text_and_guidance.
    """
    over = tuple(range(1, guided.ndim))
    factor = conditional.std(over, keepdim=True) / guided.std(over, keepdim=True)
    return guided * (share * factor + 1 - share)


def guided_prediction(
    unet: Any,
    latents: "Tensor",
    timestep: Any,
    text: "Tensor",
    negative: "Tensor | None",
    scale: float,
    rescaled: float = 0.0,
) -> "Tensor":
    """The U-Net's prediction for ``latents (n, c, h, w)``, guided from ``negative`` to ``text``.

    Both questions go through the U-Net as one batch. At ``scale`` 1 the unconditional answer
    would be multiplied by zero, so it isn't asked for (and ``negative`` may be None). ``rescaled``
    is the share of `rescale`. Notebook: 10_text_and_guidance.
    """
    import torch

    if scale == 1:
        return unet(latents, timestep, encoder_hidden_states=text, return_dict=False)[0]
    both = unet(
        torch.cat([latents, latents]),
        timestep,
        encoder_hidden_states=torch.cat([negative, text]),
        return_dict=False,
    )[0]
    unconditional, conditional = both.chunk(2)
    guided = classifier_free_guidance(conditional, unconditional, scale)
    return rescale(guided, conditional, rescaled) if rescaled else guided


def predictor(
    unet: Any, text: "Tensor", negative: "Tensor", scale: float, below: float, rescaled: float = 0.0
) -> "Callable":
    """``predict(x, timestep)`` for `riffedu.diffusion.samplers.sample`: the U-Net, guided.

    ``scale`` acts at times up to ``below`` (see `scale_at`). ``x`` may have a multiple of the items of
    ``text``: item by item, and again. Notebook: 10_text_and_guidance.
    """
    import torch

    def predict(x: "Tensor", timestep: float) -> "Tensor":
        states = (each.repeat(len(x) // len(each), 1, 1) for each in (text, negative))
        with torch.no_grad():
            return guided_prediction(
                unet, x, torch.tensor(timestep), *states, scale_at(timestep, scale, below), rescaled
            )

    return predict


def warn_about_prompt(tokenizer: Any, text: str) -> None:
    """Warn, in one line each, when part of ``text`` is cut off or when it isn't in Latin letters.

    Both prompts run all the same: what is cut is not heard, and a model that was taught in
    English can only guess at other languages.
    """
    if rest := what_is_cut(tokenizer, text):
        warnings.warn(
            f"the prompt is longer than the {LONGEST} × {tokenizer.model_max_length} tokens that "
            f"are read; left out: {_shorten(rest)!r}",
            category=PromptWarning,
            stacklevel=3,
        )
    letters = [c for c in text if c.isalpha()]
    foreign = [c for c in letters if not unicodedata.name(c, "").startswith("LATIN")]
    if text.strip() and 2 * len(foreign) >= len(letters):
        warnings.warn(
            f"the model was taught with English words: {_shorten(text)!r} may mean little to it",
            category=PromptWarning,
            stacklevel=3,
        )


def what_is_cut(tokenizer: Any, text: str) -> str:
    """The end of ``text`` that doesn't fit `LONGEST` times the encoder's length, else ``""``."""
    room = LONGEST * (tokenizer.model_max_length - tokenizer.num_special_tokens_to_add())
    tokens, _ = _tokens_and_weights(tokenizer, parse_weights(text))
    return tokenizer.decode(tokens[room:]).strip() if len(tokens) > room else ""


def _multiply(pieces: list[list], factor: float) -> None:
    for piece in pieces:
        piece[1] *= factor


def _tokens_and_weights(tokenizer: Any, pieces) -> tuple[list[int], list[float]]:
    ids: list[int] = []
    weights: list[float] = []
    for words, weight in pieces:
        new = tokenizer(words, add_special_tokens=False, verbose=False).input_ids
        ids += new
        weights += [weight] * len(new)
    return ids, weights


def _shorten(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
