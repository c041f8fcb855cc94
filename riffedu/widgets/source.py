"""Show the source of a library function in the lesson that teaches it."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any


class Source:
    """The highlighted source of a function or class; ``docstring=False`` omits the docstring."""

    def __init__(self, thing: Any, docstring: bool = True):
        lines, first = inspect.getsourcelines(inspect.unwrap(thing))
        code = inspect.cleandoc("\n" + "".join(lines))
        self.code = code if docstring else _without_docstring(code)
        path = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "")
        parts = path.parts
        root = len(parts) - 1 - parts[::-1].index("riffedu") if "riffedu" in parts else -1
        self.place = f"{'/'.join(parts[root:])}, line {first}"

    def _repr_html_(self) -> str:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer

        style = "padding:0.6em 1em;border-left:4px solid #0072b2;overflow-x:auto;line-height:1.35"
        plain = "margin:0;background:transparent"
        look = dict(noclasses=True, style="friendly", cssstyles=style, prestyles=plain)
        body = highlight(self.code, PythonLexer(), HtmlFormatter(**look))
        return f'<div style="font-size:90%;opacity:0.8">{self.place}</div>{body}'

    def __repr__(self) -> str:
        return f"# {self.place}\n{self.code}"


def show_source(thing: Any, docstring: bool = True) -> Source:
    """Show the source of a function, method or class, with its file and line."""
    return Source(thing, docstring)


def _without_docstring(code: str) -> str:
    import ast

    body = getattr(ast.parse(code).body[0], "body", [])
    first: Any = body[0] if body else None
    if len(body) < 2 or not isinstance(getattr(first, "value", None), ast.Constant):
        return code
    lines = code.splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])
