"""Noise and the way out of it, latents, words: lessons 07 to 10."""
