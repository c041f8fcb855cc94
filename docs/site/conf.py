"""Sphinx's settings. docs/site/build.py copies them beside the pages and runs Sphinx there."""

import docstrings

from riffedu import __version__

project = "riffedu"
author = "riffedu contributors"
release = version = __version__
language = "en"

extensions = [
    "mathml",
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
]

# The lessons come with their outputs: docs/site/lessons.py has run them.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
# Manuals and changelogs may begin a level lower; file names in backticks need no lexer.
suppress_warnings = ["myst.header"]

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True}
python_maximum_signature_line_length = 88
viewcode_line_numbers = True
viewcode_follow_imported_members = False  # its links lead nowhere where a function is re-exported

html_theme = "sphinx_book_theme"
html_title = "riffedu"
html_static_path = ["_static"]
html_extra_path = ["extra"]
html_favicon = "_static/icon.svg"
html_css_files = ["player.css", "site.css"]
html_js_files = [("site.js", {"type": "module"})]
html_last_updated_fmt = None
html_show_copyright = False
html_show_sphinx = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_persistent": [],
    "home_page_in_toc": False,
    "search_bar_text": "Search",
    "show_toc_level": 2,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "use_repository_button": False,
}
if tags.has("quick"):  # noqa: F821 - Sphinx defines it
    extensions.remove("sphinx.ext.viewcode")
    html_theme, html_theme_options = "basic", {}


def setup(app):
    """Let docstrings read as reStructuredText."""
    app.connect("autodoc-process-docstring", docstrings.process)
