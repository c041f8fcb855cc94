"""Lessons 07 to 10: diffusion, sampling, latents, text conditioning and guidance."""
