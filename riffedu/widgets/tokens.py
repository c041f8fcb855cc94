"""A prompt's tokens as a table."""

from __future__ import annotations

import html


class Tokens:
    """The tokens of a text as a table: their place, their piece of text, their number."""

    def __init__(self, tokenizer, text: str):
        ids = tokenizer(text, truncation=True, max_length=tokenizer.model_max_length).input_ids
        self.rows = list(zip(range(len(ids)), tokenizer.convert_ids_to_tokens(ids), ids))
        self.padding = tokenizer.model_max_length - len(ids)

    def _repr_html_(self) -> str:
        def row(head: str, cells) -> str:
            boxes = "".join(
                f'<td style="text-align:center">{html.escape(str(c))}</td>' for c in cells
            )
            return f'<tr><th scope="row" style="text-align:left">{head}</th>{boxes}</tr>'

        places, pieces, ids = zip(*self.rows)
        return (
            f"<table>{row('place', places)}{row('piece', pieces)}{row('number', ids)}</table>"
            f"<p>… and {self.padding} places of padding.</p>"
        )

    def __repr__(self) -> str:
        return " ".join(piece for _, piece, _ in self.rows) + f" (+ {self.padding} padding)"


def token_table(tokenizer, text: str) -> Tokens:
    """What the tokenizer makes of a text: the pieces that the model knows, and their numbers."""
    return Tokens(tokenizer, text)
