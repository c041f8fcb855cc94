"""The live instrument: its widget, its web page, and the process that holds the model."""
