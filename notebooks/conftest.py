"""For the notebooks that pytest runs: trainings take seconds instead of minutes."""

import os

os.environ.setdefault("RIFFEDU_QUICK", "1")
