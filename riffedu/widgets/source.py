"""Show the source of a library function in the lesson that teaches it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The colours of JupyterLab's editor, which change with its theme, and colours for other pages.
INKS = {
    "keyword": ("--jp-mirror-editor-keyword-color", "#008000"),
    "string": ("--jp-mirror-editor-string-color", "#ba2121"),
    "comment": ("--jp-mirror-editor-comment-color", "#3d7a7a"),
    "number": ("--jp-mirror-editor-number-color", "#006b3c"),
    "operator": ("--jp-mirror-editor-operator-color", "#8a1bd1"),
    "name": ("--jp-mirror-editor-def-color", "#0000e0"),
    "text": ("--jp-content-font-color1", "#222222"),
}
BACKGROUND = "var(--jp-cell-editor-background, #f5f5f5)"


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
        box = (
            f"padding:0.6em 1em;border-left:4px solid #0072b2;overflow-x:auto;line-height:1.35;"
            f"background:{BACKGROUND};color:var({INKS['text'][0]}, {INKS['text'][1]})"
        )
        plain = "margin:0;background:transparent;color:inherit"
        body = "".join(_inked(self.code))
        return (
            f'<div style="font-size:90%;opacity:0.8">{self.place}</div>'
            f'<div style="{box}"><pre style="{plain}">{body}</pre></div>'
        )

    def __repr__(self) -> str:
        return f"# {self.place}\n{self.code}"


def show_source(thing: Any, docstring: bool = True) -> Source:
    """Show the source of a function, method or class, with its file and line."""
    return Source(thing, docstring)


def _inked(code: str) -> Iterator[str]:
    """Code as HTML, a span of its colour for each word that has one."""
    import html

    from pygments.lexers import PythonLexer
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    kinds = (
        (Operator.Word, "keyword"),
        (Keyword, "keyword"),
        (String, "string"),
        (Comment, "comment"),
        (Number, "number"),
        (Operator, "operator"),
        (Name.Function, "name"),
        (Name.Class, "name"),
    )
    for token, text in PythonLexer().get_tokens(code):
        ink = next((INKS[name] for kind, name in kinds if token in kind), None)
        shown = html.escape(text, quote=False)
        yield f'<span style="color:var({ink[0]}, {ink[1]})">{shown}</span>' if ink else shown


def _without_docstring(code: str) -> str:
    import ast

    body = getattr(ast.parse(code).body[0], "body", [])
    first: Any = body[0] if body else None
    if len(body) < 2 or not isinstance(getattr(first, "value", None), ast.Constant):
        return code
    lines = code.splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])
