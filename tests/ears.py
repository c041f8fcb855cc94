"""What a panel's player plays, as a browser would decode it."""

import base64
import io
import re

import soundfile


def heard(player):
    """Return (samples, sample rate), channels first, of a player or of its HTML."""
    player = getattr(player, "player", player)
    html = getattr(player, "html", player)
    data = re.search(r'src="data:audio/flac;base64,([^"]+)"', html)[1]
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)), dtype="float32")
    return samples.T, rate
