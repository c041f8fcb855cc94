"""What a panel's player plays, as a browser would decode it."""

import base64
import io
import re

import soundfile


def heard(player_html):
    """(samples, sample rate) of the sound inside a player's HTML."""
    data = re.search(r'src="data:audio/flac;base64,([^"]+)"', player_html)[1]
    return soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")
