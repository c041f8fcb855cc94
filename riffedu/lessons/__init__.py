"""One folder a lesson: its text with solutions, its panel, its exercises' checks."""
