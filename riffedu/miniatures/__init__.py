"""Lesson 15: what came after picture diffusion, each idea in a function that fits on a screen.

Residual vector quantisation (`tokens`), an autoregressive model with a delay pattern
(`autoregression`), flow matching (`flow`), and the form of a song (`form`).
"""
