"""For every test and every notebook that pytest runs: trainings take seconds instead of minutes."""

import os

os.environ.setdefault("RIFFEDU_QUICK", "1")
