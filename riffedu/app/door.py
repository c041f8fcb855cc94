"""What `riffedu app` answers without its token: how to get in, in place of Jupyter's login page."""

from __future__ import annotations

from typing import Any

from voila.voila_identity_provider import VoilaIdentityProvider, VoilaLoginHandler

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>riffedu: the live instrument</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ max-width: 34em; margin: 12vh auto; padding: 0 16px; }}
  body {{ font: 17px/1.5 system-ui, sans-serif; }}
</style>
<h1>This instrument needs its full link</h1>
<p>Ask the person who started it for the whole address that <code>riffedu app</code> printed.
It ends in <code>?token=…</code>, and the token is new each time the app starts.</p>
<p role="alert">{wrong}</p>
</html>
"""
WRONG = "This token does not belong to the app that is running now."


class DoorHandler(VoilaLoginHandler):
    """The page that says how to get in."""

    def _render(self, message: dict[str, str] | None = None) -> None:
        tried = "token=" in self.get_argument("next", default="")
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.write(PAGE.format(wrong=WRONG if tried or message else ""))


class Door(VoilaIdentityProvider):
    """Voilà's check of the token, with `DoorHandler` as its page."""

    def __init__(self, **options: Any):
        super().__init__(**{**options, "login_handler_class": DoorHandler})

    def get_handlers(self) -> list[tuple[str, object]]:
        """Return the pages to enter and to leave, below the base URL, which Voilà leaves out."""
        base = str(getattr(self.parent, "base_url", "/")).rstrip("/")
        return [(f"{base}{path}", handler) for path, handler in super().get_handlers()]
