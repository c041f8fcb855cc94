"""From words to a direction: token states, and guidance towards them (lesson 10).

The text encoder turns a prompt into a row of vectors, one per token. The U-Net looks at them
through cross-attention, so what it predicts depends on the words. Asking it twice, with the words
and without, shows which way the words pull; guidance goes further that way.
"""

import unicodedata
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


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
        texts, padding="max_length", max_length=tokenizer.model_max_length, truncation=True,
        return_tensors="pt",
    ).to(device)
    masked = getattr(text_encoder.config, "use_attention_mask", False)
    with torch.no_grad():
        return text_encoder(tokens.input_ids, tokens.attention_mask if masked else None)[0]


def classifier_free_guidance(conditional, unconditional, scale: float):
    """Go ``scale`` times as far as the words pull: ``u + s·(c − u)``.

    ``c`` and ``u`` are the U-Net's predictions with the prompt and with the negative (or empty)
    prompt, arrays or tensors of one shape. ``s = 0`` gives ``u``, 1 gives ``c``, more than 1
    exaggerates what the words change. Source: Ho & Salimans 2022, "Classifier-Free Diffusion
    Guidance", eq. 6, with ``s = 1 + w``. Notebook: 10_text_and_guidance.
    """
    return unconditional + scale * (conditional - unconditional)


def guided_prediction(
    unet: Any, latents: "Tensor", timestep: Any, text: "Tensor", negative: "Tensor | None",
    scale: float,
) -> "Tensor":
    """The U-Net's prediction for ``latents (n, c, h, w)``, guided from ``negative`` to ``text``.

    Both questions go through the U-Net as one batch. At ``scale`` 1 the unconditional answer
    would be multiplied by zero, so it isn't asked for (and ``negative`` may be None).
    Notebook: 10_text_and_guidance.
    """
    import torch

    if scale == 1:
        return unet(latents, timestep, encoder_hidden_states=text, return_dict=False)[0]
    both = unet(
        torch.cat([latents, latents]), timestep,
        encoder_hidden_states=torch.cat([negative, text]), return_dict=False,
    )[0]
    unconditional, conditional = both.chunk(2)
    return classifier_free_guidance(conditional, unconditional, scale)


def warn_about_prompt(tokenizer: Any, text: str) -> None:
    """Warn, in one line each, when part of ``text`` is cut off or when it isn't in Latin letters.

    Both prompts run all the same: what is cut is not heard, and a model that was taught in
    English can only guess at other languages.
    """
    if rest := what_is_cut(tokenizer, text):
        warnings.warn(
            f"the prompt is longer than the {tokenizer.model_max_length} tokens that the model "
            f"reads; left out: {_shorten(rest)!r}",
            category=PromptWarning, stacklevel=3,
        )
    letters = [c for c in text if c.isalpha()]
    foreign = [c for c in letters if not unicodedata.name(c, "").startswith("LATIN")]
    if text.strip() and 2 * len(foreign) >= len(letters):
        warnings.warn(
            f"the model was taught with English words: {_shorten(text)!r} may mean little to it",
            category=PromptWarning, stacklevel=3,
        )


def what_is_cut(tokenizer: Any, text: str) -> str:
    """The end of ``text`` that doesn't fit ``tokenizer.model_max_length`` tokens, else ``""``."""
    room = tokenizer.model_max_length - tokenizer.num_special_tokens_to_add()
    tokens = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    return tokenizer.decode(tokens[room:]).strip() if len(tokens) > room else ""


def _shorten(text: str, length: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
