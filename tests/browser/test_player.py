"""The player in a real page: what is drawn, what is heard, how soon, and what goes wrong."""

import pytest

SOUND = """
import numpy as np
from riffedu.widgets.spectrogram_player import SpectrogramPlayer, painter, recorder, spectrogram_player
from riffedu.synth import sine
t = np.arange(3 * 44100) / 44100
two = 0.2 * np.sin(2 * np.pi * 440 * t) + 0.2 * np.sin(2 * np.pi * 3000 * t)
"""
A = SOUND + "player = spectrogram_player((two.astype(np.float32), 44100), label='Two tones')\nplayer"


def view(page, state=None):
    """The player's element, once it is there (and in a state)."""
    player = page.locator(".riffedu-player").first
    player.wait_for(timeout=20_000)
    if state:
        page.wait_for_selector(f".riffedu-player[data-state={state}]", timeout=10_000)
    return player


def test_look(open_notebook, page):
    notebook = open_notebook(
        "from riffedu.audio import clip\nfrom riffedu.widgets.spectrogram_player import *\nspectrogram_player(clip('full_mix'), label='full mix')",
        "spectrogram_player(clip('tune'), clip('piano'), label='A tune')",
        "c = painter(2.56); c", "recorder()")
    notebook.run()
    print(notebook.errors())
    page.wait_for_timeout(1500)
    view(page).locator("summary").first.click()
    page.evaluate("document.querySelector('.riffedu-player').player.transport.play(1)")
    page.wait_for_timeout(1500)
    notebook.shot("look1")
    notebook.show(2); page.wait_for_timeout(800)
    notebook.shot("look2")
