"""Sounds, words and recipes to train the shipped model; taught by notebook 14."""
