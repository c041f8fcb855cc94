"""Lesson 15: an autoregressive model of codec tokens, with MusicGen's delay pattern.

A language model predicts the next token from those before. A frame of `riffedu.miniatures.tokens`
has several tokens at once, and the fine ones depend on the coarse ones. The delay pattern lets one
step predict one token of every codebook and still keeps that order: codebook q is q steps late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from riffedu.errors import RiffeduError

if TYPE_CHECKING:
    from torch import Tensor

CONTEXT = 64  # steps that the network sees: 2.56 s


@dataclass(frozen=True)
class TokenProgress:
    """The state after training step ``step`` of ``total``: loss in nats per token, and network."""

    step: int
    total: int
    loss: float
    network: Any


def delay(tokens: np.ndarray, empty: int) -> np.ndarray:
    """Shift codebook q to the right by q steps: (frames, q) → (frames + q − 1, q).

        step      0   1   2   3
        book 0   a0  a1  a2   –
        book 1    –  b0  b1  b2        (– is the token ``empty``)

    At step t the network sees a_{t−1} before it predicts b_{t−1}: one forward pass per frame, not
    one per token. Equal to transformers' MusicgenForCausalLM.build_delay_pattern_mask but for its
    leading start token. Source: Copet et al., "Simple and Controllable Music Generation", §2.1
    (2023). Notebook: 15_measure_and_compare.
    """
    frames, books = tokens.shape
    late = np.full((frames + books - 1, books), empty, dtype=tokens.dtype)
    for q in range(books):
        late[q : q + frames, q] = tokens[:, q]
    return late


def undo_delay(late: np.ndarray) -> np.ndarray:
    """Shift the codebooks back: the inverse of `delay`."""
    books = late.shape[1]
    frames = len(late) - books + 1
    return np.stack([late[q : q + frames, q] for q in range(books)], axis=1)


def build_network(
    size: int, codebooks: int, width: int = 96, layers: int = 2, seed: int = 0
) -> Any:
    """Return a small transformer: tokens (n, steps, codebooks) → scores (…, codebooks, size + 1).

    The tokens of one step are looked up in one table per codebook and summed; a causal mask hides
    the future; one linear layer per codebook scores its next token. Token ``size`` is "empty".
    """
    import torch
    from torch import nn

    class TokenNetwork(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.size, self.codebooks = size, codebooks
            self.tables = nn.ModuleList(nn.Embedding(size + 1, width) for _ in range(codebooks))
            self.places = nn.Embedding(CONTEXT, width)
            layer = nn.TransformerEncoderLayer(
                width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True
            )
            self.body = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
            self.heads = nn.ModuleList(nn.Linear(width, size + 1) for _ in range(codebooks))

        def forward(self, tokens: Tensor) -> Tensor:
            steps = tokens.shape[1]
            x = sum(table(tokens[..., q]) for q, table in enumerate(self.tables))
            x = x + self.places(torch.arange(steps, device=tokens.device))
            hidden = nn.Transformer.generate_square_subsequent_mask(steps)
            x = self.body(x, mask=hidden, is_causal=True)
            return torch.stack([head(x) for head in self.heads], dim=2)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TokenNetwork()


def train(
    tokens: np.ndarray, size: int, steps: int = 600, batch: int = 8, seed: int = 0
) -> Iterator[TokenProgress]:
    """Train a network to predict the next step; yield a `TokenProgress` after each step.

        loss = − mean log p(token_{t, q} | all steps before t)

    ``tokens (frames, codebooks)`` of one long sound; each step draws ``batch`` pieces of it. Chance
    is log(size + 1). Notebook: 15_measure_and_compare.
    """
    import torch

    late = torch.from_numpy(delay(tokens, size).astype(np.int64))
    if len(late) <= CONTEXT:
        raise RiffeduError(f"{len(tokens)} frames are too few: more than {CONTEXT} are needed")
    generator = torch.Generator().manual_seed(seed)
    network = build_network(size, tokens.shape[1], seed=seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01)
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        starts = torch.randint(len(late) - CONTEXT, (batch,), generator=generator)
        pieces = torch.stack([late[s : s + CONTEXT + 1] for s in starts])
        scores = network(pieces[:, :-1])
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 2), pieces[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        annealing.step()
        yield TokenProgress(step, steps, loss.item(), network)


def loss_on(network: Any, tokens: np.ndarray) -> float:
    """Return the loss of `train` on tokens that need not be the training set, in nats per token.

    The sound is cut into pieces of `CONTEXT` steps without overlap; what is left after the last
    whole piece is ignored. Raises RiffeduError if there is not one whole piece.
    """
    import torch

    late = torch.from_numpy(delay(tokens, network.size).astype(np.int64))
    starts = range(0, len(late) - CONTEXT, CONTEXT)
    if not starts:
        raise RiffeduError(f"{len(tokens)} frames are too few: more than {CONTEXT} are needed")
    pieces = torch.stack([late[s : s + CONTEXT + 1] for s in starts])
    with torch.no_grad():
        scores = network(pieces[:, :-1])
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 2), pieces[:, 1:].flatten())
    return float(loss)


def continue_tokens(
    network: Any, tokens: np.ndarray, frames: int, temperature: float = 0.8, seed: int = 0
) -> np.ndarray:
    """Continue ``tokens (n, codebooks)`` with a network; return (n + frames, codebooks).

    Each step draws one token per codebook from softmax(scores / temperature) and appends it. The
    first and last steps of the delay pattern, where a codebook has nothing, are filled with
    "empty". A temperature of 0 takes the likeliest token. Notebook: 15_measure_and_compare.
    """
    import torch

    books, size = network.codebooks, network.size
    if tokens.ndim != 2 or tokens.shape[1] != books or not len(tokens):
        raise RiffeduError(f"tokens must have shape (frames, {books}), not {tokens.shape}")
    generator, known = torch.Generator().manual_seed(seed), len(tokens)
    late = torch.from_numpy(delay(tokens, size).astype(np.int64))[:known]
    for step in range(known, known + frames + books - 1):
        with torch.no_grad():
            scores = network(late[None, -CONTEXT:])[0, -1]
        scores[:, size] = -torch.inf  # "empty" comes from the pattern alone
        if temperature > 0:
            chances = (scores / temperature).softmax(-1)
            drawn = torch.multinomial(chances, 1, generator=generator)[:, 0]
        else:
            drawn = scores.argmax(-1)
        for q in range(books):
            if step - q < known:  # codebook q is still in what was given
                drawn[q] = int(tokens[step - q, q]) if step >= q else size
            elif step - q >= known + frames:
                drawn[q] = size
        late = torch.cat([late, drawn[None]])
    return undo_delay(late.numpy())
