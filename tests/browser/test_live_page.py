"""The instrument without Python in a real page: the same music, offline, and a dot that is heard."""

import gzip
import json
import os
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from pages import ROOT, SHOTS, Watched

from riffedu.music.instrument import Instrument, PieceSettings
from riffedu.music.pipeline import load_pipeline
from riffedu.signal.fidelity import mel_consistency_db
from riffedu.signal.image import unit_spectrogram

pytest.importorskip("onnx", reason="the page needs the extra web: pip install -e '.[web]'")
PROMPTS = ["a calm solo piano", "a church organ", "fast rock drums", "a string orchestra"]
TWO_PIECES = """async settings => {
  const [{Music}, {loadNetworks}] = await Promise.all([import('./music.js'), import('./networks.js')]);
  const facts = await (await fetch('./facts.json')).json();
  const music = new Music(facts, await loadNetworks(facts, () => null));
  const {inversion} = music, sound = inversion.sound.bind(inversion);
  let raw;
  inversion.sound = (...args) => (raw = sound(...args));
  const made = [];
  for (let i = 0; i < 2; i++) {
    const {pixels, samples, period, after} = await music.next(settings);
    made.push({latents: [...music.latents], raw: [...raw], pixels: [...pixels], samples: samples.length, period, after});
  }
  return made;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """A static server that sends no headers of its own, as any host would."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def pipeline():
    return load_pipeline()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, pipeline):
    from riffedu.app.web_page import build

    folder = tmp_path_factory.mktemp("live")
    build(folder, pipeline)
    return folder


@contextmanager
def host(folder, handler):
    """Serve a folder; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def address(folder):
    with host(folder, Quiet) as address:
        yield address


def test_the_networks_are_small_and_the_same(folder, pipeline):
    runtime = pytest.importorskip("onnxruntime", reason="pip install -e '.[web]'")
    import torch

    packed = {name: (folder / f"{name}.onnx.gz").read_bytes() for name in ("unet", "decoder")}
    assert sum(map(len, packed.values())) <= 40e6
    unet, decoder = (
        runtime.InferenceSession(gzip.decompress(packed[name])) for name in ("unet", "decoder")
    )
    states = pipeline.encode_prompt(["", PROMPTS[0]])
    noise = pipeline.initial_noise(3).expand(2, -1, -1, -1).contiguous()
    time = torch.tensor(600.0)
    with torch.no_grad():
        wanted = pipeline.checkpoint.unet(noise, time, encoder_hidden_states=states).sample.numpy()
        latents = noise[:1] / 2
        scaled = latents / pipeline.checkpoint.vae.config.scaling_factor
        pixels = pipeline.checkpoint.vae.decode(scaled).sample.numpy()
    named = {"latents": noise.numpy(), "timestep": time.numpy(), "states": states.numpy()}
    assert np.abs(unet.run(None, named)[0] - wanted).max() < 0.02  # 12 bits
    # The decoder's 16 bits are all that the shipped weights have.
    assert np.abs(decoder.run(None, {"latents": latents.numpy()})[0] - pixels).max() < 2e-4


def test_same_seed_same_music(browser, address, pipeline):
    """The page and Python make the same two pieces, to the precision of the U-Net's 12 bits."""
    asked = {"prompts": PROMPTS, "x": 0.3, "y": 0.6, "seed": 7, "steps": 2, "guidance_scale": 3}
    with Watched(browser) as watched:
        watched.page.goto(address + "facts.json")  # any page of this origin
        made = watched.page.evaluate(TWO_PIECES, asked)
        assert watched.problems == []
    instrument = Instrument(pipeline)
    settings = PieceSettings(
        prompts=tuple(PROMPTS),
        place=(0.3, 0.6),
        seed=7,
        num_inference_steps=2,
        guidance_scale=3,
    )
    for here in made:
        piece = instrument.next(settings)
        latents = instrument.stream._latents.numpy().reshape(-1)
        assert np.abs(latents - here["latents"]).max() < 0.02
        columns = len(here["pixels"]) // 512
        pixels = np.asarray(piece.image.convert("L"), int)[:, :columns]
        assert np.abs(pixels.reshape(-1) - here["pixels"]).max() <= 1
        assert (here["samples"], here["after"]) == (
            len(piece.waveform) + len(piece.after),
            len(piece.after),
        )
        assert here["period"] == pytest.approx(piece.period, abs=0.02)
        mel, _ = unit_spectrogram(piece.image)
        sound = np.asarray(here["raw"], np.float32)
        # As near to its picture as the sound of quality "fast" is in Python: −14 dB here.
        assert mel_consistency_db(sound, mel, pipeline.params) < -13


def test_offline_a_moved_dot_is_heard(browser, address):
    with Watched(browser) as watched:
        page = watched.page
        page.goto(address)
        page.wait_for_selector("body[data-threads]", timeout=60_000)
        watched.context.set_offline(True)
        page.reload()  # all of it comes from what the page keeps
        page.wait_for_selector("body[data-threads]", timeout=60_000)
        assert page.evaluate("crossOriginIsolated")
        page.evaluate("""() => {
          const {state} = document.getElementById('instrument').instrument;
          state.set({steps: 2, x: 0, y: 0});
          globalThis.pieces = [];
          state.addEventListener('piece', ({detail}) => pieces.push(detail));
        }""")
        page.get_by_label("Play (Space)").click()
        page.wait_for_selector("[data-made='0'][data-state=playing]", timeout=60_000)
        loudest = "Math.max(globalThis.most ?? -120, riffeduSpeaker.level().rms)"
        page.wait_for_function(f"(globalThis.most = {loudest}) > -40", timeout=10_000)
        before = page.evaluate("pieces.length")
        page.locator(".riffedu-pad").focus()
        for _ in range(5):
            page.keyboard.press("Shift+ArrowUp")
        page.wait_for_function(f"pieces.length >= {before + 2}", timeout=60_000)
        first, *_, last = page.evaluate("pieces.map(({place, words}) => ({place, words}))")
        assert first == {"place": [0, 0], "words": f"100% {PROMPTS[0]}"}
        assert last == {"place": [0, 1], "words": f"100% {PROMPTS[2]}"}
        page.wait_for_selector(f"[data-number='{before + 1}']", timeout=30_000)  # it is heard
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / "live-page.png")
        assert watched.problems == []


class Lasting(Quiet):
    """A host that lets browsers keep files for an hour."""

    def end_headers(self):
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()


def test_a_new_version_is_not_mixed_with_an_old_one(browser, tmp_path):
    worker = (ROOT / "docs/live/offline.js").read_text(encoding="utf-8")

    def build(version, age):
        (tmp_path / "index.html").write_text("<!doctype html><link rel='icon' href='data:,'>")
        for name in ("page.txt", "model.gz"):
            (tmp_path / name).write_text(version)
            os.utime(tmp_path / name, (age, age))  # HTTP counts whole seconds
        (tmp_path / "files.json").write_text(json.dumps({"files": ["page.txt", "model.gz"]}))
        (tmp_path / "offline.js").write_text(f"const VERSION = '{version}';\n{worker}")

    build("old", 1e9)
    read = """() => Promise.all(['page.txt', 'model.gz'].map(async name => (await fetch(name)).text()))"""
    with host(tmp_path, Lasting) as address, Watched(browser) as watched:
        page = watched.page
        page.goto(address)
        assert page.evaluate(read) == ["old", "old"]
        build("new", 2e9)
        assert page.evaluate(read) == ["old", "old"], "the browser keeps them"
        page.evaluate(
            """async () => {
              const controlled = new Promise(resolve =>
                navigator.serviceWorker.addEventListener('controllerchange', resolve));
              await navigator.serviceWorker.register('./offline.js');
              await controlled;
            }"""
        )
        assert page.evaluate(read) == ["new", "new"]
        assert watched.problems == []
