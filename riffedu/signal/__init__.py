"""Sound, spectrogram, picture, and back: lessons 01 to 06."""
