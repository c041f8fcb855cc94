"""What the tests of training share."""

import json

import numpy as np
import pytest


@pytest.fixture
def tiny_data(tmp_path):
    """A shard of eight noise pictures, six to train on and two held out."""
    random = np.random.default_rng(5)
    np.save(tmp_path / "shard-00000.npy", random.integers(0, 256, (8, 512, 512), np.uint8))
    lines = [json.dumps({"split": "train" if i < 6 else "validation", "id": i}) for i in range(8)]
    (tmp_path / "shard-00000.jsonl").write_text("\n".join(lines))
    return tmp_path
