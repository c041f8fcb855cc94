"""LoRA by hand: equal to merged weights and to peft; its files travel to and from diffusers."""

import copy
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tiny import ours, sd  # noqa: F401  (fixtures)
from torch import nn

from riffedu.diffusion.checkpoint import load_checkpoint
from riffedu.diffusion.lora import add_lora, layer_names, load_lora, parse_strength, weight_change
from riffedu.errors import RiffeduError


@pytest.fixture(params=["ours", "sd"])
def unet(request):
    return load_checkpoint(request.getfixturevalue(request.param)).unet


@pytest.fixture
def own(ours):
    return load_checkpoint(ours).unet


def run(unet, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, unet.config.in_channels, 8, 8, generator=generator)
    words = torch.randn(2, 5, unet.config.cross_attention_dim, generator=generator)
    weight = unet.conv_in.weight
    times = torch.tensor([10, 700])
    return unet(x.to(weight.dtype), times, words.to(weight.dtype)).sample


def trained(unet, seed=1, **options):
    """A LoRA whose B is not zero any more."""
    lora = add_lora(unet, seed=seed, **{"rank": 4, **options})
    generator = torch.Generator().manual_seed(seed)
    for pair in lora.pairs.values():
        with torch.no_grad():
            pair[1].weight.copy_(0.1 * torch.randn(pair[1].weight.shape, generator=generator))
    return lora


def gap(a, b):
    return float((a - b).detach().abs().max())


# The change itself


def test_nothing_changes_at_the_start(unet):
    before = run(unet)
    lora = add_lora(unet, rank=4)
    assert gap(run(unet), before) == 0
    run(unet).square().mean().backward()
    assert all(pair[0].weight.grad.abs().max() == 0 for pair in lora.pairs.values())  # B is 0
    assert any(pair[1].weight.grad.abs().max() > 0 for pair in lora.pairs.values())
    own_names = [name for name, p in unet.named_parameters() if p.requires_grad]
    assert own_names and all(".changes." in name for name in own_names)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(6, 9),
        nn.Conv2d(4, 7, 3, padding=1),
        nn.Conv2d(4, 7, 3, stride=2, padding=1),
        nn.Conv2d(4, 7, 1),
    ],
    ids=["linear", "convolution", "stride", "one by one"],
)
def test_equals_the_closed_form_of_merged_weights(layer):
    """Forward and gradients of A, B and x, in double precision, against W + α/r B A."""
    torch.manual_seed(0)
    layer, convolution = copy.deepcopy(layer).double(), isinstance(layer, nn.Conv2d)
    x = torch.randn(3, *((4, 8, 8) if convolution else (6,))).double().requires_grad_(True)

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.to_q = layer

        def forward(self, x):
            return self.to_q(x)

    network = Network()
    names = ("convolution",) if convolution else ("attention",)
    wrapped = nn.ModuleDict({"attn": network})
    [pair] = trained(wrapped, rank=3, alpha=6, kinds=names).pairs.values()
    assert pair.scale == 2
    output = network(x)
    output.sin().sum().backward()
    found = [output.detach(), x.grad, pair[0].weight.grad, pair[1].weight.grad]
    x2 = x.detach().clone().requires_grad_(True)
    a, b = (each.weight.detach().clone().requires_grad_(True) for each in pair)
    merged = layer.weight + 6 / 3 * (b.flatten(1) @ a.flatten(1)).reshape(layer.weight.shape)
    if convolution:
        wanted = F.conv2d(x2, merged, layer.bias, layer.stride, layer.padding)
    else:
        wanted = F.linear(x2, merged, layer.bias)
    wanted.sin().sum().backward()
    for mine, theirs in zip(found, [wanted.detach(), x2.grad, a.grad, b.grad]):
        assert gap(mine, theirs) < 1e-12
    assert gap(layer.weight + weight_change(pair), merged.detach()) < 1e-14


def test_a_whole_unet_equals_one_with_merged_weights(unet):
    unet.double()
    lora = trained(unet)
    lora.strength = 0.7
    changed = run(unet)
    merged = copy.deepcopy(unet)
    for name, pair in lora.pairs.items():
        with torch.no_grad():
            merged.get_submodule(name).weight.add_(weight_change(pair))
    lora.remove()
    assert gap(changed, run(unet)) > 1e-3
    for layer in merged.modules():
        for pair in getattr(layer, "changes", ()):
            pair.strength = 0.0  # the copy has pairs of its own
    assert gap(changed, run(merged)) < 1e-9


def test_equals_peft(own):
    peft = pytest.importorskip("peft")
    twin = copy.deepcopy(own)
    names = layer_names(own)
    lora = trained(own, rank=4, alpha=6)
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=names, lora_dropout=0.0)
    twin = peft.inject_adapter_in_model(config, twin)
    for name, pair in lora.pairs.items():
        theirs = twin.get_submodule(name)
        with torch.no_grad():
            theirs.lora_A["default"].weight.copy_(pair[0].weight)
            theirs.lora_B["default"].weight.copy_(pair[1].weight)
    mine, wanted = run(own), run(twin)
    assert gap(mine, wanted) < 1e-6
    mine.square().mean().backward()
    wanted.square().mean().backward()
    for name, pair in lora.pairs.items():
        theirs = twin.get_submodule(name)
        assert gap(pair[0].weight.grad, theirs.lora_A["default"].weight.grad) < 1e-6
        assert gap(pair[1].weight.grad, theirs.lora_B["default"].weight.grad) < 1e-6


def test_strength_is_a_dial(own):
    before = run(own)
    lora = trained(own, kinds=("attention",))
    full = run(own)
    lora.strength = 0
    assert gap(run(own), before) == 0
    lora.strength = 1.5
    assert gap(run(own), full) > 1e-4
    name, pair = next(iter(lora.pairs.items()))
    assert gap(weight_change(pair), 1.5 * pair[1].weight @ pair[0].weight) < 1e-7
    for wrong in (-0.1, 2.1, float("nan"), "much"):
        with pytest.raises(RiffeduError, match="strength of a LoRA"):
            lora.strength = wrong


def test_two_are_summed_and_taken_off_in_any_order(own):
    before = run(own)
    first = trained(own, seed=1)
    alone = run(own)
    second = trained(own, seed=2, kinds=("attention",))
    both = run(own)
    assert gap(both, alone) > 1e-4
    first.strength = 0
    first.remove()
    only_second = run(own)
    second.remove()
    second.remove()
    assert not first.attached and not second.attached
    assert gap(run(own), before) == 0 and gap(only_second, both) > 1e-4
    assert not [n for n, _ in own.named_parameters() if "changes" in n]
    assert not any(layer._forward_hooks for layer in own.modules())


def test_a_copy_of_the_network_has_a_lora_of_its_own(own):
    lora = trained(own)
    twin = copy.deepcopy(own)
    changed = run(own)
    assert gap(run(twin), changed) == 0
    lora.strength = 0
    assert gap(run(twin), changed) == 0 and gap(run(own), changed) > 1e-4


def test_same_seed_same_start_and_the_callers_generator_is_left_alone(own):
    state = torch.get_rng_state()
    a = add_lora(own, seed=7)
    assert torch.equal(state, torch.get_rng_state())
    b = add_lora(own, seed=7)
    for one, two in zip(a.pairs.values(), b.pairs.values()):
        assert torch.equal(one[0].weight, two[0].weight)
    assert list(a.pairs) == list(b.pairs)


def test_attention_projections_and_convolutions_are_named(own):
    attention = layer_names(own, ["attention"])
    assert all(name.split(".to_")[1] in {"q", "k", "v", "out.0"} for name in attention)
    convolutions = layer_names(own, ["convolution"])
    assert {"conv_in", "conv_out"} < set(convolutions)
    assert set(layer_names(own)) == {*attention, *convolutions}
    with pytest.raises(RiffeduError, match="kinds must be"):
        layer_names(own, ["everything"])
    with pytest.raises(RiffeduError, match="no layer"):
        layer_names(nn.Linear(2, 2))
    with pytest.raises(RiffeduError, match="rank"):
        add_lora(own, rank=0)


# Files


def test_file_has_diffusers_names_and_comes_back(unet, tmp_path):
    lora = trained(unet, alpha=8)
    changed = run(unet)
    path = lora.save(tmp_path / "new" / "pytorch_lora_weights.safetensors")
    kept = load_file(path)
    name, pair = next(iter(lora.pairs.items()))
    assert torch.equal(kept[f"unet.{name}.lora_A.weight"], pair[0].weight)
    assert torch.equal(kept[f"unet.{name}.lora_B.weight"], 2 * pair[1].weight)
    assert len(kept) == 2 * len(lora.pairs) and lora.weights == sum(
        v.numel() for v in kept.values()
    )
    lora.remove()
    again = load_lora(unet, path)
    assert gap(run(unet), changed) < 1e-5 and again.name == "pytorch_lora_weights"
    assert not any(p.requires_grad for p in again.module.parameters())


@pytest.mark.skipif(sys.platform == "win32", reason="a limit on the size of files")
def test_a_full_disk_is_one_line_and_the_old_file_stays(tmp_path):
    """RLIMIT_FSIZE stands for a full disk, in a process of its own."""
    path = tmp_path / "a.safetensors"
    path.write_text("old")
    code = (
        "import resource, sys, torch\n"
        "from riffedu.diffusion.lora import add_lora; from riffedu.output import DiskFull\n"
        "lora = add_lora(torch.nn.Sequential(torch.nn.Conv2d(64, 64, 3)))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: lora.save(sys.argv[1])\n"
        "except DiskFull as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.stdout == f"{path} cannot be written: File too large\n", done.stderr
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and path.read_text() == "old"


def old_name(key):
    return key.replace("lora_A", "lora.down").replace("lora_B", "lora.up")


def processor_name(key):
    head, _, tail = key.rpartition(".to_")
    layer, _, side = tail.partition(".lora_")
    side = {"A": "down", "B": "up"}[side[0]]
    return f"{head}.processor.to_{layer.removesuffix('.0')}_lora.{side}.weight"


def kohya_name(key):
    head, _, side = key.removeprefix("unet.").rpartition(".lora_")
    side = {"A": "down", "B": "up"}[side[0]]
    return f"lora_unet_{head.replace('.', '_')}.lora_{side}.weight"


def peft_name(key):
    return "base_model.model." + key.removeprefix("unet.")


@pytest.mark.parametrize("rename", [old_name, processor_name, kohya_name, peft_name])
def test_every_spelling_is_read(unet, tmp_path, rename):
    lora = trained(unet, kinds=("attention",))
    wanted = run(unet)
    tensors = {rename(key): value.clone() for key, value in lora.tensors().items()}
    save_file(tensors, tmp_path / "a.safetensors")
    lora.remove()
    load_lora(unet, tmp_path / "a.safetensors")
    assert gap(run(unet), wanted) < 1e-6


@pytest.mark.parametrize("rename", [old_name, processor_name])
def test_diffusers_reads_these_spellings_as_we_do(own, rename):
    from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft

    tensors = trained(own, kinds=("attention",)).tensors()
    assert set(convert_unet_state_dict_to_peft({rename(k): v for k, v in tensors.items()})) == {
        *tensors
    }


def test_alpha_of_kohyas_files_scales(own, tmp_path):
    lora = trained(own, kinds=("attention",))
    lora.strength = 0.5
    wanted = run(own)
    tensors = {kohya_name(key): value.clone() for key, value in lora.tensors().items()}
    for key in list(tensors):
        tensors[key.split(".")[0] + ".alpha"] = torch.tensor(2.0)  # of rank 4
    save_file(tensors, tmp_path / "a.safetensors")
    lora.remove()
    load_lora(own, tmp_path / "a.safetensors")
    assert gap(run(own), wanted) < 1e-6


def test_alpha_that_diffusers_noted_scales(own, tmp_path):
    lora = trained(own, kinds=("attention",))
    lora.strength = 0.5
    wanted = run(own)
    noted = '{"unet.r": 4, "unet.lora_alpha": 2}'
    save_file(lora.tensors(), tmp_path / "a.safetensors", {"lora_adapter_metadata": noted})
    lora.remove()
    load_lora(own, tmp_path / "a.safetensors")
    assert gap(run(own), wanted) < 1e-6


def test_one_by_one_convolutions_may_be_saved_as_matrices(own, tmp_path):
    lora = trained(own, kinds=("convolution",))
    wanted = run(own)
    tensors = {
        k: v[:, :, 0, 0].clone() if v.shape[2:] == (1, 1) else v for k, v in lora.tensors().items()
    }
    save_file(tensors, tmp_path / "a.safetensors")
    lora.remove()
    load_lora(own, tmp_path / "a.safetensors")
    assert gap(run(own), wanted) < 1e-6


def test_words_of_the_text_encoder_are_left_out_with_a_warning(own, tmp_path):
    tensors = trained(own).tensors()
    layer = "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer"
    tensors |= {
        f"{layer}.down.weight": torch.zeros(4, 24),
        f"{layer}.up.weight": torch.zeros(24, 4),
    }
    tensors |= {"lora_te_text_model_x.lora_down.weight": torch.zeros(4, 24)}
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.warns(UserWarning, match="a.safetensors also changes 2 layers"):
        load_lora(own, tmp_path / "a.safetensors")


def wrong_file(what, tensors):
    name = next(iter(tensors)).removesuffix(".lora_A.weight")
    if what == "other layer":
        return {f"{k.replace('unet.', 'unet.far.')}": v for k, v in tensors.items()}
    if what == "other width":
        return tensors | {f"{name}.lora_A.weight": torch.zeros(4, 768)}
    if what == "half":
        return {k: v for k, v in tensors.items() if "lora_B" not in k}
    if what == "nothing":
        return {"weight": torch.zeros(2)}
    return tensors | {f"{name}.hada_w1_a": torch.zeros(2)}


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("other layer", "made for another model: this U-Net has no layer far.* more"),
        ("other width", r"made for another model: the A of .* is \(4, 768\)"),
        ("half", "incomplete: .* has only one"),
        ("nothing", "contains no LoRA"),
        ("loha", "another kind of adapter .*hada_w1_a"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(own, tmp_path, what, message):
    lora = trained(own, kinds=("attention",))
    save_file(wrong_file(what, lora.tensors()), tmp_path / "a.safetensors")
    lora.remove()
    before = run(own)
    with pytest.raises(RiffeduError, match=message) as caught:
        load_lora(own, tmp_path / "a.safetensors")
    assert "\n" not in str(caught.value)
    assert gap(run(own), before) == 0


def test_missing_pickled_and_damaged_files(own, tmp_path):
    with pytest.raises(RiffeduError, match="there is no LoRA file"):
        load_lora(own, tmp_path / "none.safetensors")
    (tmp_path / "a.bin").write_bytes(b"x")
    with pytest.raises(RiffeduError, match=r"\.safetensors file, not .*can run"):
        load_lora(own, tmp_path / "a.bin")
    (tmp_path / "b.safetensors").write_bytes(b"not a file of tensors")
    with pytest.raises(RiffeduError, match="can't be read as safetensors"):
        load_lora(own, tmp_path / "b.safetensors")
    with pytest.raises(RiffeduError, match=r"a LoRA is a \.safetensors file"):
        add_lora(own).save(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("text", "file", "strength"),
    [
        ("a.safetensors", "a.safetensors", 1),
        ("a.safetensors:0.8", "a.safetensors", 0.8),
        (r"C:\loras\a.safetensors", r"C:\loras\a.safetensors", 1),
        (r"C:\loras\a.safetensors:1.5", r"C:\loras\a.safetensors", 1.5),
        ("a:b/c.safetensors:0", "a:b/c.safetensors", 0),
    ],
)
def test_file_and_strength(text, file, strength):
    path, found = parse_strength(text)
    assert (str(path), found) == (file, strength)


@pytest.mark.parametrize(
    ("text", "message"),
    [("a.safetensors:3", "from 0 to 2, not 3"), ("a.bin:0.5", "not 'a.bin'"), ("", "not ''")],
)
def test_bad_file_and_strength(text, message):
    with pytest.raises(RiffeduError, match=message):
        parse_strength(text)


# In the pipeline and the shell


@pytest.fixture
def file(ours, tmp_path):
    lora = trained(load_checkpoint(ours).unet, alpha=16)
    return lora.save(tmp_path / "mine.safetensors")


def test_pipeline_plays_with_it(ours, file):
    from riffedu.music.pipeline import load_pipeline

    def play(pipeline, **more):
        return pipeline.generate("piano", num_inference_steps=2, progress=False, **more)

    plain = play(load_pipeline(ours))
    pipeline = load_pipeline(ours, lora=f"{file}:0.5")
    half = play(pipeline)
    assert "lora" not in plain.parameters and half.parameters["lora"] == {"mine": 0.5}
    assert abs(half.waveform - plain.waveform).max() > 1e-4
    [lora] = pipeline.loras
    lora.strength = 0
    assert abs(play(pipeline).waveform - plain.waveform).max() == 0
    lora.remove()
    assert "lora" not in play(pipeline).parameters
    two = load_pipeline(ours, lora=[file, f"{file}:0.25"])
    assert [each.strength for each in two.loras] == [1, 0.25]
    two.remove_loras()
    assert not two.loras and abs(play(two).waveform - plain.waveform).max() == 0


def test_strength_changes_while_it_plays(ours, file):
    from riffedu.music.pipeline import load_pipeline

    pipeline = load_pipeline(ours, lora=file)
    options = dict(num_inference_steps=4, progress=False)
    whole = pipeline.generate("piano", **options)

    def fade(state):
        pipeline.loras[0].strength = 1 - state.step / state.total

    faded = pipeline.generate("piano", callback=fade, **options)
    assert abs(faded.waveform - whole.waveform).max() > 1e-4


def test_verb(ours, file, tmp_path, capsys):
    from riffedu.cli import main

    common = ["generate", "piano", "--model", str(ours), "--steps", "1", "--quiet"]
    plain, mine = tmp_path / "plain.wav", tmp_path / "mine.wav"
    assert main([*common, "-o", str(plain)]) == 0
    assert main([*common, "-o", str(mine), "--lora", f"{file}:0.8", "--lora", str(file)]) == 0
    assert plain.read_bytes() != mine.read_bytes()
    for wrong, message in [
        (str(tmp_path / "none.safetensors:0.8"), "there is no LoRA file"),
        (f"{file}:9", "from 0 to 2"),
    ]:
        assert main([*common, "-o", str(mine), "--lora", wrong]) == 2
        assert message in capsys.readouterr().err
