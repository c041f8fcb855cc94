"""One folder per lesson: its text with solutions, its panel, and the checks of its exercises."""
