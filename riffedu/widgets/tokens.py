"""A prompt's tokens as a table."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any


class Tokens:
    """A table of a text's tokens: position, piece of text and token id."""

    def __init__(self, tokenizer: Any, text: str):
        ids = tokenizer(text, truncation=True, max_length=tokenizer.model_max_length).input_ids
        self.rows = list(zip(range(len(ids)), tokenizer.convert_ids_to_tokens(ids), ids))
        self.padding = tokenizer.model_max_length - len(ids)

    def _repr_html_(self) -> str:
        def row(head: str, cells: Iterable) -> str:
            boxes = "".join(
                f'<td style="text-align:center">{html.escape(str(c))}</td>' for c in cells
            )
            return f'<tr><th scope="row" style="text-align:left">{head}</th>{boxes}</tr>'

        places, pieces, ids = zip(*self.rows)
        return (
            f"<table>{row('position', places)}{row('piece', pieces)}{row('id', ids)}</table>"
            f"<p>… and {self.padding} positions of padding.</p>"
        )

    def __repr__(self) -> str:
        return " ".join(piece for _, piece, _ in self.rows) + f" (+ {self.padding} padding)"


def token_table(tokenizer: Any, text: str) -> Tokens:
    """Show how the tokenizer splits a text, with the id of each token."""
    return Tokens(tokenizer, text)
