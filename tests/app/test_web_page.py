"""What the page without Python is made of; the page itself is tested in tests/browser."""

import json
import sys

import numpy as np
import pytest

from riffedu.app import web_page
from riffedu.app.networks_for_web import export_networks, twelve_bits
from riffedu.errors import RiffeduError


def test_twelve_bits_are_exact_to_half_a_step():
    rng = np.random.default_rng(0)
    for shape, last in (((6, 5, 3, 3), False), ((7, 4), False), ((7, 4), True)):
        weights = rng.standard_normal(shape).astype(np.float32)
        weights[0] *= 100  # a channel with a scale of its own
        scale, high, low = twelve_bits(weights, outputs_last=last)
        assert scale.size == weights.shape[-1 if last else 0]
        assert high.dtype == np.int8 and low.min() >= 0 and low.max() <= 15
        restored = scale * (16 * high.astype(np.float32) + low)
        assert (np.abs(restored - weights) <= 0.5001 * scale).all()
    assert not twelve_bits(np.zeros((2, 3), np.float32))[1].any()


def test_every_prompt_can_be_picked_once():
    assert len(set(web_page.PROMPTS)) == len(web_page.PROMPTS) >= 36
    assert set(web_page.CORNERS) <= set(web_page.PROMPTS)


def test_without_a_clone_or_onnx_one_line_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(web_page, "clone_folder", lambda: None)
    with pytest.raises(RiffeduError, match="clone"):
        web_page.build(tmp_path)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(RiffeduError, match=r"\.\[web\]"):
        export_networks(None, tmp_path)


def test_the_version_for_offline_use_changes_with_the_files(tmp_path):
    versions = set()
    (tmp_path / "b.gz").write_bytes(b"12345")
    for text in ("1", "2", "2"):
        (tmp_path / "a.js").write_text(text)
        (tmp_path / "offline.js").write_text("// the worker\n")
        web_page._list_files(tmp_path)
        version, rest = (tmp_path / "offline.js").read_text().split("\n", 1)
        versions.add(version)
        assert version.startswith("const VERSION = ") and rest == "// the worker\n"
    listed = json.loads((tmp_path / "files.json").read_text())
    assert listed == {"files": ["a.js", "b.gz"], "download": 5}
    assert len(versions) == 2
