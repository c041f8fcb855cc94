"""From text to music, and everything that can be done to a sound: lessons 11 to 13."""
