"""Lesson 10: token states of prompts, prompt weights and classifier-free guidance.

The text encoder turns a prompt into a sequence of vectors, one per token. The U-Net reads them
through cross-attention, so its prediction depends on the prompt. The difference between its
predictions with and without the prompt is the direction that guidance exaggerates.
"""

from __future__ import annotations

import re
import unicodedata
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

BRACKET_FACTOR = 1.1
"""A pair of round brackets multiplies the prompt weight by this; square brackets divide by it."""
MAX_CHUNKS = 8
"""The most chunks a prompt is split into; the text encoder reads about 30 words per chunk."""
_PIECES = re.compile(r"\\[()\[\]\\]|:\s*([+-]?\d*\.?\d+)\s*\)|[()\[\]]|[^()\[\]:\\]+|.", re.S)


class PromptWarning(UserWarning):
    """The prompt is used, but part of it has no effect or may be misunderstood."""


def encode_prompts(text_encoder: Any, tokenizer: Any, texts: list[str]) -> Tensor:
    """Encode prompts to token states: float32 ``(prompts, tokens, width)``.

    Every prompt is padded or truncated to ``tokenizer.model_max_length`` tokens, so that states of
    different prompts can be mixed and compared; the empty string gives the unconditional states.
    The attention mask is used if the text encoder's config says so (BERT), otherwise not (CLIP in
    Stable Diffusion v1). Source: Rombach et al. 2022, "High-Resolution Image Synthesis with Latent
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


def prompt_vectors(text_encoder: Any, tokenizer: Any, texts: list[str]) -> Tensor:
    """Return one vector per prompt, the mean of its token states: float32 ``(prompts, width)``.

    Padding is excluded. Use it to compare prompts (see `cosine_similarities`); the U-Net gets all
    token states individually. Source: Reimers and Gurevych, "Sentence-BERT" (2019), §3.
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


def cosine_similarities(vectors: Tensor) -> Tensor:
    """Return the cosine similarity of each pair of vectors: ``(n, width)`` → ``(n, n)``.

        cos(a, b) = a · b / (|a| |b|)

    1 for the same direction, 0 for orthogonal vectors, −1 for opposite directions.
    Notebook: 10_text_and_guidance.
    """
    units = vectors / vectors.norm(dim=1, keepdim=True)
    return units @ units.T


def parse_weights(text: str) -> list[tuple[str, float]]:
    r"""Parse prompt weights in the common notation: a list of (text, weight).

        (soft) has weight 1.1,   ((soft)) 1.21,   [loud] 1 / 1.1,   (fast:1.3) 1.3,   \( is literal

    Nested brackets multiply. A bracket that is never closed extends to the end of the prompt.
    Adjacent parts of equal weight are merged. Notebook: 10_text_and_guidance.

    >>> parse_weights("a (soft:0.5) piano")
    [('a ', 1.0), ('soft', 0.5), (' piano', 1.0)]
    """
    pieces: list[list] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for found in _PIECES.finditer(text):
        token, weight = found[0], found[1]
        bracket = {")": "(", "]": "["}.get(token[-1]) if len(token) == 1 or weight else None
        if token in opened:
            opened[token].append(len(pieces))
        elif bracket and opened[bracket]:
            factor = (
                float(weight)
                if weight
                else BRACKET_FACTOR
                if bracket == "("
                else 1 / BRACKET_FACTOR
            )
            _multiply(pieces[opened[bracket].pop() :], factor)
        else:
            pieces.append([token[1:] if len(token) == 2 and token[0] == "\\" else token, 1.0])
    for bracket, factor in (("(", BRACKET_FACTOR), ("[", 1 / BRACKET_FACTOR)):
        for first in opened[bracket]:
            _multiply(pieces[first:], factor)
    joined: list[tuple[str, float]] = []
    for words, weight in pieces:
        if joined and joined[-1][1] == weight:
            words = joined.pop()[0] + words
        joined.append((words, weight))
    return joined or [("", 1.0)]


def encode_weighted(text_encoder: Any, tokenizer: Any, text: str, keep: str = "rms") -> Tensor:
    """Encode one prompt of any length, with weights, to token states: ``(1, k · tokens, width)``.

    A prompt that is too long for the encoder is read in k chunks, whose states are concatenated.
    Each token's state is multiplied by its weight (see `parse_weights`); then all are multiplied by
    a single factor that preserves their root mean square (``keep="rms"``) or their mean
    (``keep="mean"``, as in Riffusion, which is unstable if the mean is near 0). For a short prompt
    without weights the result is that of `encode_prompts`. Raises RiffeduError if the weighted
    states' root mean square or mean is zero. Notebook: 10_text_and_guidance.
    """
    import torch

    ids, weights = _tokens_and_weights(tokenizer, parse_weights(text))
    size = tokenizer.model_max_length
    room = size - tokenizer.num_special_tokens_to_add()
    chunks = [ids[i : i + room] for i in range(0, len(ids), room)][:MAX_CHUNKS] or [[]]
    first, *_, last = tokenizer("").input_ids
    rows = [[first, *chunk, last] for chunk in chunks]
    padded = tokenizer.pad(
        {"input_ids": rows}, padding="max_length", max_length=size, return_tensors="pt"
    )
    device = next(text_encoder.parameters()).device
    masked = getattr(text_encoder.config, "use_attention_mask", False)
    with torch.no_grad():
        states = text_encoder(
            padded.input_ids.to(device), padded.attention_mask.to(device) if masked else None
        )[0]
    factors = torch.ones(len(rows), size, 1, dtype=states.dtype)
    for i, chunk in enumerate(chunks):
        factors[i, 1 : 1 + len(chunk), 0] = torch.tensor(weights[i * room : i * room + len(chunk)])
    weighted = states * factors.to(device)

    def scale(x: Tensor) -> Tensor:
        return x.mean() if keep == "mean" else x.square().mean().sqrt()

    if float(scale(weighted)) == 0:
        raise RiffeduError(
            f"the {keep} of the token states is zero with these prompt weights: change the weights"
        )
    return (weighted * (scale(states) / scale(weighted))).reshape(1, -1, states.shape[-1])


def same_length(states: Tensor, other: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
    """Pad the shorter of two sequences of token states with ``empty``, the states of no prompt."""
    import torch

    longest = max(states.shape[1], other.shape[1])

    def padded(x: Tensor) -> Tensor:
        missing = (longest - x.shape[1]) // empty.shape[1]
        return torch.cat([x, *[empty.expand(len(x), -1, -1)] * missing], dim=1)

    return padded(states), padded(other)


def encode_all(text_encoder: Any, tokenizer: Any, texts: list[str]) -> Tensor:
    """Encode several prompts with `encode_weighted`: ``(prompts, tokens, width)``.

    Shorter prompts are padded to the longest with the states of the empty prompt.
    Notebook: 10_text_and_guidance.
    """
    import torch

    known = {text: encode_weighted(text_encoder, tokenizer, text) for text in {*texts, ""}}
    longest = max((known[text] for text in texts), key=lambda states: states.shape[1])
    return torch.cat([same_length(known[text], longest, known[""])[0] for text in texts])


def classifier_free_guidance(conditional: Any, unconditional: Any, scale: float) -> Any:
    """Extrapolate from the unconditional to the conditional prediction: ``u + s·(c − u)``.

    ``c`` and ``u`` are the U-Net's predictions with the prompt and with the negative (or empty)
    prompt, arrays or tensors of the same shape. ``s = 0`` gives ``u``, 1 gives ``c``, more than 1
    exaggerates the effect of the prompt. Source: Ho & Salimans 2022, "Classifier-Free Diffusion
    Guidance", eq. 6, with ``s = 1 + w``. Notebook: 10_text_and_guidance.

    >>> classifier_free_guidance(2.0, 1.0, scale=3.0)
    4.0
    """
    return unconditional + scale * (conditional - unconditional)


def scale_at(timestep: float, scale: float, below: float) -> float:
    """Return the guidance scale at a timestep: ``scale`` up to ``below``, and at most 1 above it.

    Near pure noise, guidance drives every seed to nearly the same coarse picture, which is too
    loud. Without guidance there, clips follow their prompts better, and each step evaluates the
    U-Net for one item instead of two. Source: Kynkäänniemi et al., "Applying Guidance in a Limited
    Interval Improves Sample and Distribution Quality in Diffusion Models" (2024).
    Notebook: 10_text_and_guidance.
    """
    return scale if timestep <= below else min(scale, 1.0)


def rescale(guided: Tensor, conditional: Tensor, share: float) -> Tensor:
    """Rescale a guided prediction towards the standard deviation of the conditional one.

        guided · (share · std(conditional) / std(guided) + 1 − share)

    Standard deviations are per item, over all its values. ``share`` in [0, 1] is the strength; 0
    changes nothing. Guidance makes predictions too large; this corrects it. Source: Lin
    et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023), eq. 15 and 16.
    Notebook: 10_text_and_guidance.
    """
    over = tuple(range(1, guided.ndim))
    factor = conditional.std(over, keepdim=True) / guided.std(over, keepdim=True)
    return guided * (share * factor + 1 - share)


def guided_prediction(
    unet: Any,
    latents: Tensor,
    timestep: Any,
    text: Tensor,
    negative: Tensor | None,
    scale: float,
    rescaled: float = 0.0,
) -> Tensor:
    """Predict for ``latents (n, c, h, w)`` with the U-Net, guided from ``negative`` to ``text``.

    Both predictions are computed in one batch. At ``scale`` 1 the unconditional prediction has no
    effect, so it is not computed (and ``negative`` may be None). ``rescaled`` is the ``share`` of
    `rescale`. Notebook: 10_text_and_guidance.
    """
    import torch

    if scale == 1:
        return unet(latents, timestep, encoder_hidden_states=text, return_dict=False)[0]
    assert negative is not None, "guidance needs the states of the negative prompt"
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
    unet: Any, text: Tensor, negative: Tensor, scale: float, below: float, rescaled: float = 0.0
) -> Callable[[Tensor, float], Tensor]:
    """Return a guided U-Net as the ``predict(x, timestep)`` of `riffedu.diffusion.samplers.sample`.

    ``scale`` applies to timesteps up to ``below`` (see `scale_at`). The batch size of ``x`` may be
    a multiple of that of ``text``, whose items are then repeated in turn.
    Notebook: 10_text_and_guidance.
    """
    import torch

    def predict(x: Tensor, timestep: float) -> Tensor:
        repeated = (each.repeat(len(x) // len(each), 1, 1) for each in (text, negative))
        text_states, negative_states = repeated
        with torch.no_grad():
            return guided_prediction(
                unet,
                x,
                torch.tensor(timestep),
                text_states,
                negative_states,
                scale_at(timestep, scale, below),
                rescaled,
            )

    return predict


def warn_about_prompt(tokenizer: Any, text: str) -> None:
    """Issue a `PromptWarning` if part of ``text`` is truncated or it isn't in the Latin alphabet.

    The prompt is still used: the truncated part has no effect, and a model that was trained on
    English captions may not understand other languages.
    """
    if rest := truncated_text(tokenizer, text):
        warnings.warn(
            f"the prompt is longer than {MAX_CHUNKS} × {tokenizer.model_max_length} tokens; "
            f"left out: {_shorten(rest)!r}",
            category=PromptWarning,
            stacklevel=3,
        )
    letters = [c for c in text if c.isalpha()]
    foreign = [c for c in letters if not unicodedata.name(c, "").startswith("LATIN")]
    if text.strip() and 2 * len(foreign) >= len(letters):
        warnings.warn(
            f"the model was trained on English captions and may not understand {_shorten(text)!r}",
            category=PromptWarning,
            stacklevel=3,
        )


def truncated_text(tokenizer: Any, text: str) -> str:
    """Return the end of ``text`` that exceeds `MAX_CHUNKS` chunks, ``""`` if nothing does."""
    room = MAX_CHUNKS * (tokenizer.model_max_length - tokenizer.num_special_tokens_to_add())
    tokens, _ = _tokens_and_weights(tokenizer, parse_weights(text))
    return tokenizer.decode(tokens[room:]).strip() if len(tokens) > room else ""


def _multiply(pieces: list[list], factor: float) -> None:
    for piece in pieces:
        piece[1] *= factor


def _tokens_and_weights(
    tokenizer: Any, pieces: list[tuple[str, float]]
) -> tuple[list[int], list[float]]:
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
