"""Weights that forked processes share: the same model, and what one changes stays its own."""

import os
import sys

import pytest
import torch
from tiny import ours  # noqa: F401  (fixture)

from riffedu.diffusion import checkpoint as module
from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.diffusion.shared import SharedCheckpoint, share

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory files are Linux's")


@pytest.fixture(scope="module")
def original(ours):  # noqa: F811
    return load_checkpoint(ours)


def weights(checkpoint):
    return {
        f"{name}.{key}": value
        for name in ("vae", "unet", "text_encoder")
        for key, value in getattr(checkpoint, name).state_dict().items()
    }


def test_a_copy_is_the_same_model_in_the_same_layout(original):
    copy = SharedCheckpoint(original).copy()
    for name, weight in weights(original).items():
        mine = weights(copy)[name]
        assert torch.equal(mine, weight) and mine.stride() == weight.stride(), name
        assert mine.data_ptr() % 4 == 0 and mine.data_ptr() != weight.data_ptr()
    assert copy.tokenizer is original.tokenizer and not copy.unet.training


def test_what_one_copy_changes_no_other_sees(original):
    shared = SharedCheckpoint(original)
    one, other = shared.copy(), shared.copy()
    key = "unet.conv_in.weight"
    with torch.no_grad():
        one.unet.conv_in.weight += 1
    assert torch.equal(weights(other)[key], weights(original)[key])
    assert torch.equal(weights(shared.copy())[key], weights(original)[key])
    assert torch.allclose(weights(one)[key], weights(original)[key] + 1)


def test_no_copy_has_pages_of_its_own_until_it_writes(original):
    """The kernel's own figures: what is mapped twice and not written to is shared."""
    shared = SharedCheckpoint(original)
    one, other = shared.copy(), shared.copy()
    for copy in (one, other):
        assert sum(float(w.float().sum()) for w in weights(copy).values()) == pytest.approx(
            sum(float(w.float().sum()) for w in weights(original).values())
        )
    start = min(p.data_ptr() for p in one.unet.parameters())
    assert anonymous(start) == 0
    with torch.no_grad():
        one.unet.conv_in.weight += 1
    assert 0 < anonymous(start) < 100


def anonymous(address):
    """Kilobytes at an address's mapping that belong to this process alone."""
    here = False
    for line in open("/proc/self/smaps"):
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            low, high = (int(part, 16) for part in first.split("-"))
            here = low <= address < high
        elif here and first == "Anonymous:":
            return int(line.split()[1])


def test_a_shared_checkpoint_is_what_load_checkpoint_gives(ours, original, monkeypatch):  # noqa: F811
    monkeypatch.setattr(module, "PREPARED", {})
    monkeypatch.setattr("riffedu.diffusion.shared.PREPARED", module.PREPARED)
    share(original)
    files = os.listdir(ours)
    monkeypatch.setattr(module, "_open_folder", lambda folder: pytest.fail("it was read again"))
    one, other = load_checkpoint(ours), load_checkpoint(ours)
    assert one is not other and os.listdir(ours) == files
    assert all(torch.equal(w, weights(other)[name]) for name, w in weights(one).items())
