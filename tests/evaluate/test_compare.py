"""Sources, peers on tiny checkpoints, the table, the page that does not know, the shell."""

import csv
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from peer_checkpoints import WRITERS
from tiny import ours, sd  # noqa: F401  (fixtures)

from riffedu import cli
from riffedu.errors import RiffeduError
from riffedu.evaluate import bench, peers, sources, votes
from riffedu.evaluate.listening import Vote
from riffedu.evaluate.peers import PEERS
from riffedu.evaluate.sources import Settings, folder_source, parse
from riffedu.signal import audio, synth

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
SHORT = Settings(seconds=2.0, steps=2)


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "no-cache"))


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory):
    """A folder per peer, written when it is first asked for."""
    made = {}

    def get(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            made[name] = WRITERS[name](folder)
        return made[name]

    return get


def tone(hertz, seconds=3.0, rate=22050):
    return synth.sine(hertz, seconds, rate, 0.1)


def exported(folder, listing=None, **files):
    folder.mkdir(exist_ok=True)
    for name, hertz in files.items():
        stem, _, kind = name.rpartition("_")
        audio.save(folder / f"{stem}.{kind}", tone(hertz), 22050)
    for name, text in (listing or {}).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


# Peers


def test_every_peer_has_a_writer():
    assert set(WRITERS) == set(PEERS)


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_plays_from_a_tiny_checkpoint(name, checkpoints):
    source = parse(f"{name}={checkpoints(name)}", SHORT)
    for word in ("GB on disk", "M weights", PEERS[name].licence, "GB of memory", "min here"):
        assert word in source.about
    play = source.open()
    waveform, rate = play("a calm piano")
    assert waveform.ndim == 1 and waveform.dtype == np.float32 and np.isfinite(waveform).all()
    assert 1.0 < len(waveform) / rate < 2.6 and np.abs(waveform).max() > 0
    again, _ = play("a calm piano")
    assert np.array_equal(waveform, again)


@pytest.mark.parametrize("name", ["musicgen", "musicgen-melody"])
def test_a_clip_is_continued_or_gives_its_melody(name, checkpoints):
    clip = (tone(440), 22050)
    with_clip = parse(f"{name}={checkpoints(name)}", Settings(2.0, 0, 2, clip)).open()
    waveform, rate = with_clip("a calm piano")
    assert len(waveform) == pytest.approx(2 * rate, abs=rate * 0.05)


def test_melody_features_name_the_note():
    rate = 32000
    notes = {9: 440.0, 0: 261.63, 4: 329.63}
    for place, hertz in notes.items():
        x = peers.melody_features(synth.sine(hertz, 2.0, rate, 0.1), rate)
        assert x.shape[1] == 12 and (x.sum(axis=1) == 1).all()
        assert x[2:-4].mean(axis=0).argmax() == place
    assert len(x) == 1 + 2 * rate // 4096


@pytest.mark.parametrize("name", PEERS)
def test_missing_weights_give_one_line(name):
    with pytest.raises(RiffeduError) as caught:
        parse(name, SHORT)
    peer, told = PEERS[name], str(caught.value)
    assert "\n" not in told and f"hf download {peer.hub_id}" in told
    assert f"about {peer.gigabytes:g} GB" in told and "not on this machine" in told


def test_a_missing_class_names_the_version(monkeypatch):
    assert all(peers.missing_class(peer) is None for peer in PEERS.values())
    old = replace(PEERS["ace-step"], classes=("NoSuchPipeline",))
    told = peers.missing_class(old)
    assert "diffusers's NoSuchPipeline, from version 0.39 on" in told and "pip install -U" in told
    monkeypatch.setitem(PEERS, "ace-step", old)
    with pytest.raises(RiffeduError, match="NoSuchPipeline"):
        parse("ace-step", SHORT)


def test_a_checkpoint_of_another_kind_is_refused(checkpoints):
    source = parse(f"musicgen={checkpoints('ace-step')}", SHORT)
    with pytest.raises(RiffeduError, match="cannot be loaded as MusicgenForConditionalGeneration"):
        source.open()


def test_too_long_for_a_peer(checkpoints):
    with pytest.raises(RiffeduError, match="Bark small makes at most 13 s, not 20"):
        parse(f"bark={checkpoints('bark')}", Settings(20.0))


def test_sizes_are_read_from_the_files(tmp_path, ours):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3, 4), "b": torch.zeros(5)}, tmp_path / "model.safetensors")
    (tmp_path / "pytorch_model.bin").write_bytes(b"x" * 400)
    size, weights = peers.weights_in(tmp_path)
    assert weights == 17 and size == (tmp_path / "model.safetensors").stat().st_size
    (tmp_path / "model.safetensors").unlink()
    assert peers.weights_in(tmp_path) == (400, 100)
    (tmp_path / "pytorch_model.bin").unlink()
    with pytest.raises(RiffeduError, match="holds no weights"):
        peers.weights_in(tmp_path)


def test_expected_minutes():
    tokens, diffusion = PEERS["musicgen"], PEERS["stable-audio"]
    machine = (1e11, 1e10)  # operations and bytes per second
    assert peers.expected_minutes(tokens, 10**9, 6, machine) == pytest.approx(
        6 * 50 * 2 * 4e9 / 1e10 / 60
    )
    assert peers.expected_minutes(diffusion, 10**9, 6, machine) == pytest.approx(
        6 * 21.5 * 200 * 2e9 / 1e11 / 60
    )
    assert all(v > 0 for v in peers.speed())


# Our model, Riffusion's layout, folders


def test_ours_and_riffusion(ours, sd):
    for text in (f"ours={ours}", f"riffusion={sd}"):
        source = parse(text, SHORT)
        waveform, rate = source.open()("a calm piano")
        assert len(waveform) == pytest.approx(2 * rate, abs=1000) and "M weights" in source.about
    with pytest.raises(RiffeduError, match="hf download riffusion/riffusion-model-v1"):
        parse("riffusion", SHORT)


def test_ours_with_a_lora(ours, tmp_path, monkeypatch):
    from riffedu.diffusion import lora
    from riffedu.music import pipeline

    opened = pipeline.load_pipeline(ours)
    made = lora.add_lora(opened.checkpoint.unet, rank=2)
    made.save(tmp_path / "door.safetensors")
    made.remove()
    real = pipeline.load_pipeline
    monkeypatch.setattr(pipeline, "load_pipeline", lambda _, lora: real(ours, lora=lora))
    source = parse(f"ours+{tmp_path / 'door.safetensors'}:0.5", SHORT)
    assert source.name == "ours+door" and "strength 0.5" in source.about
    waveform, rate = source.open()("a calm piano")
    assert len(waveform) == pytest.approx(2 * rate, abs=1000)
    with pytest.raises(RiffeduError):
        parse("ours+missing.safetensors", SHORT)


def test_ours_is_never_fetched():
    with pytest.raises(RiffeduError, match="hf download someone/model"):
        parse("ours=someone/model", SHORT)


def test_ours_continues_a_clip(ours):
    settings = Settings(2.0, 0, 2, (tone(440, 2.0), 22050))
    waveform, rate = parse(f"ours={ours}", settings).open()("a calm piano")
    assert len(waveform) == 2 * rate


@pytest.mark.parametrize(
    "listing",
    [
        {"prompts.csv": "file,prompt\na.mp3,A Piano\nb.flac,rock drums\nc.wav,techno\n"},
        {"prompts.tsv": "prompt\tfile\nA piano\ta.mp3\nrock drums\tb.flac\ntechno\tc.wav\n"},
        {"prompts.txt": "a.mp3: a  piano\n\nb.flac: rock drums\nc.wav: techno\n"},
        {"captions.txt": "a.mp3\ta piano\nb.flac\trock drums\nc.wav\ttechno\n"},
        {"captions.csv": "\ufefffile,caption\na.mp3,a piano\nb.flac,rock drums\nc.wav,techno\n"},
    ],
)
def test_a_folder_of_exports(listing, tmp_path):
    folder = exported(tmp_path / "suno", listing, a_mp3=400, b_flac=500, c_wav=600)
    source = parse(f"suno={folder}", SHORT)
    assert source.name == "suno" and len(source.prompts) == 3 and "3 files" in source.about
    play = source.open()
    for prompt, hertz in (("A piano", 400), ("Rock drums", 500), ("techno", 600)):
        waveform, rate = play(prompt)
        peak = np.abs(np.fft.rfft(np.atleast_2d(waveform)[0])).argmax() * rate
        assert peak / np.atleast_2d(waveform).shape[1] == pytest.approx(hertz, abs=3)
    assert play("a violin") is None


def test_without_a_list_the_names_are_the_prompts(tmp_path):
    source = folder_source("udio", exported(tmp_path / "u", calm_piano_wav=400))
    assert source.prompts == ("calm piano",)


@pytest.mark.parametrize(
    "listing, words",
    [
        ({"prompts.csv": "name,text\na.wav,x\n"}, "columns file and prompt"),
        ({"prompts.csv": "file,prompt\nz.wav,x\n"}, "line 2: there is no file 'z.wav'"),
        ({"prompts.csv": "file,prompt\na.wav,x\nb.wav,X\n"}, "line 3: each file needs a prompt"),
        ({"prompts.txt": "a.wav x\n"}, "line 1: write 'file: prompt'"),
        ({"prompts.csv": "file,prompt\n"}, "lists no file"),
    ],
)
def test_lists_that_cannot_be_read(listing, words, tmp_path):
    folder = exported(tmp_path / "f", listing, a_wav=400, b_wav=500)
    with pytest.raises(RiffeduError, match=words):
        folder_source("f", folder)


def test_folders_that_cannot_be_read(tmp_path):
    with pytest.raises(RiffeduError, match="is not a folder"):
        parse(f"suno={tmp_path / 'missing'}", SHORT)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RiffeduError, match="holds no sound files"):
        parse(f"suno={tmp_path / 'empty'}", SHORT)
    with pytest.raises(RiffeduError, match="source 'suno' is unknown: use ours, ours"):
        parse("suno", SHORT)


# The bench


def fake(name, hertz, only=None):
    def make(prompt):
        return (tone(hertz), 22050) if only in (None, prompt) else None

    return sources.Source(name, "", lambda: make)


PROMPTS = ("a calm solo piano", "techno at 120 bpm")


@pytest.fixture(scope="module")
def clips():
    pair = [fake("Alpha", 400), fake("Beta", 900, PROMPTS[0]), fake("Gamma", 1500)]
    return bench.compare(pair, PROMPTS, 2.0)


def test_clips_are_cut_matched_and_measured(clips):
    found = [(c.source, c.prompt) for c in clips]
    assert found == [
        *((name, PROMPTS[0]) for name in ("Alpha", "Beta", "Gamma")),
        *((name, PROMPTS[1]) for name in ("Alpha", "Gamma")),
    ]
    assert {len(c.waveform) for c in clips} == {2 * bench.RATE}
    assert np.ptp([audio.loudness(c.waveform, bench.RATE) for c in clips]) < 0.1
    assert all(c.readings["notes"] == 1 for c in clips)
    assert [c.tempo for c in clips[:3]] == [None] * 3 and clips[3].tempo is not None


def test_the_table_counts(clips):
    lines = bench.to_markdown(clips).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["Alpha", "Beta", "Gamma"]
    assert "| Beta | 1 | 1.00 |" in lines[3] and "(1.00–1.00)" in lines[2]
    assert "of 1 |" in lines[2] and lines[3].endswith("– | – |")


def test_recognised_by_a_classifier(clips):
    class Ear:
        classes = [("instrument", "piano"), ("style", "techno")]

        def listen(self, thumbnails):
            assert thumbnails.shape == (1, 128, 128)
            return np.array([[1.0, 0.0]]), None

    x = clips[0].waveform
    assert bench.judge("a", "a calm solo piano", x, Ear()).recognised is True
    assert bench.judge("a", "techno", x, Ear()).recognised is False
    assert bench.judge("a", "something", x, Ear()).recognised is None


def test_silent_and_broken_clips_are_left_out():
    told = []
    silent = sources.Source("mute", "", lambda: lambda _: (np.zeros(66150, "f4"), 22050))
    broken = sources.Source("nan", "", lambda: lambda _: (np.full(66150, np.nan, "f4"), 22050))
    brief = sources.Source("brief", "", lambda: lambda _: (tone(400, 0.5), 22050))
    found = bench.compare([silent, fake("Alpha", 400), broken, brief], ["x"], 2.0, say=told.append)
    assert [c.source for c in found] == ["Alpha"]
    assert any("is silent and is left out" in line for line in told)
    assert any("NaN" in line for line in told) and any("less than a second" in t for t in told)
    with pytest.raises(RiffeduError, match="no source has a clip"):
        bench.compare([silent], ["x"], 2.0)
    with pytest.raises(RiffeduError, match="different names"):
        bench.compare([fake("a", 1), fake("a", 2)], ["x"])


def test_a_long_file_is_cut_in_its_middle():
    x = np.concatenate([np.zeros(30000), np.ones(10000), np.zeros(30000)])
    assert bench.middle(x, bench.RATE, 10000 / bench.RATE).min() == 1


def test_the_page_does_not_know_who_is_who(clips):
    pages = []
    for seed in range(6):
        page, key = bench.listening_page(clips, seed=seed)
        pages.append(re.sub(r"base64,[A-Za-z0-9+/=]+", "AUDIO", page))
        assert not re.search("Alpha|Beta|Gamma", pages[-1])
        assert sorted(source for item, _, source in key if item == PROMPTS[0]) == [
            "Alpha",
            "Beta",
            "Gamma",
        ]
        sizes = {len(data) for data in re.findall(r"base64,([A-Za-z0-9+/=]+)", page)}
        assert len(sizes) == 1
    assert len(set(pages)) == 1
    keys = {tuple(bench.listening_page(clips, seed=seed)[1]) for seed in range(6)}
    assert len(keys) > 1
    assert len({tuple(bench.listening_page(clips)[1]) for _ in range(12)}) > 1  # without a seed


def test_votes_are_revealed(clips, tmp_path):
    bench.write(clips, tmp_path, "A <test>")
    key = bench.read_key(tmp_path)
    given = [
        Vote("Ada", "rating", item, 1, letter, "", {"Alpha": 80, "Beta": 50, "Gamma": 20}[source])
        for item, letter, source in key
    ]
    told = bench.reveal(given, key)
    assert {v.system: v.score for v in told} == {"Alpha": 80, "Beta": 50, "Gamma": 20}
    with pytest.raises(RiffeduError, match="Ada rated clip 'Z'"):
        bench.reveal([Vote("Ada", "rating", PROMPTS[0], 1, "Z", "", 5)], key)
    with pytest.raises(RiffeduError, match="no key.csv in"):
        bench.read_key(tmp_path / "sounds")
    assert "<title>A &lt;test&gt;</title>" in (tmp_path / "listen.html").read_text()
    names = sorted(path.name for path in (tmp_path / "sounds").iterdir())
    assert names == [
        f"0{n}-{s}.flac"
        for n, s in ((1, "Alpha"), (1, "Beta"), (1, "Gamma"), (2, "Alpha"), (2, "Gamma"))
    ]
    rows = list(csv.DictReader((tmp_path / "clips.csv").open()))
    assert len(rows) == 5 and rows[0]["source"] == "Alpha"


# The shell


def test_shell_compares_ours_a_peer_and_exports(ours, checkpoints, tmp_path, capsys):
    suno = exported(tmp_path / "suno", {"prompts.txt": "a.mp3: a calm piano\n"}, a_mp3=400)
    out = tmp_path / "out"
    words = ["--source", f"ours={ours}", "--source", f"musicgen={checkpoints('musicgen')}"]
    words += ["--source", f"suno={suno}", "--steps", "2", "--seconds", "2", "-o", str(out)]
    assert cli.main(["compare", "a calm piano", *words]) == 0
    told = capsys.readouterr().out
    assert told.index("musicgen: 0.00 GB on disk") < told.index("musicgen: 1 of 1")
    for name in ("ours", "musicgen", "suno"):
        assert f"| {name} | 1 |" in told
    assert sorted(path.name for path in out.iterdir()) == [
        "clips.csv",
        "key.csv",
        "listen.html",
        "sheet.png",
        "sounds",
        "table.md",
    ]
    key = bench.read_key(out)
    for listener, score in (("Ada", 70.0), ("Bob", 50.0)):
        given = [Vote(listener, "rating", i, 1, letter, "", score) for i, letter, _ in key]
        votes.write_votes(tmp_path / f"{listener}.csv", given)
    files = [str(tmp_path / f"{name}.csv") for name in ("Ada", "Bob")]
    assert cli.main(["compare", "-o", str(out), "--votes", *files]) == 0
    assert "| suno | 2 | 60 |" in capsys.readouterr().out


def test_shell_keeps_an_earlier_comparison(ours, tmp_path, capsys):
    suno = exported(tmp_path / "suno", a_piano_wav=400)
    words = ["compare", "--source", f"suno={suno}", "--seconds", "2", "-o", str(tmp_path / "out")]
    assert cli.main(words) == 0
    first = (tmp_path / "out" / "key.csv").stat().st_mtime_ns
    assert cli.main(words) == 2
    assert "already holds a comparison" in capsys.readouterr().err
    assert (tmp_path / "out" / "key.csv").stat().st_mtime_ns == first
    assert cli.main([*words, "--overwrite", "--quiet"]) == 0


def test_shell_says_before_it_loads(ours, checkpoints, tmp_path, capsys):
    words = ["--source", f"bark={checkpoints('bark')}", "--source", f"ours={ours}", "--about"]
    assert cli.main(["compare", "x", *words, "-o", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "bark: " in told and "licence MIT" in told and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words, told",
    [
        (["x", "--source", "musicgen"], "fetch them (about 2.4 GB)"),
        (["x", "--source", "lyria"], "source 'lyria' is unknown"),
        (["x", "--seconds", "1"], "2 s or more"),
        (["x", "--steps", "0"], "--steps"),
        ([], "give a prompt"),
        (["x", "--prompts", "/nowhere.txt"], "nowhere.txt"),
        (["--votes", "/nowhere.csv"], "key.csv"),
    ],
)
def test_shell_refuses_in_one_line(words, told, tmp_path, capsys):
    assert cli.main(["compare", *words, "-o", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert told in error and len(error.splitlines()) == 1


def test_help_is_quick_and_loads_no_model():
    code = (
        "import sys; from riffedu import cli\n"
        "try: cli.main(['compare', '--help'])\n"
        "except SystemExit: pass\n"
        "print('LOADED', [m for m in ('torch', 'transformers', 'diffusers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "LOADED []" in done.stdout and "--votes" in done.stdout
