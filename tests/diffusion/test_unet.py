"""Inside the U-Net: blocks by hand equal diffusers', hooks leave nothing behind."""

import pytest

torch = pytest.importorskip("torch")

from diffusers import UNet2DConditionModel  # noqa: E402
from diffusers.models.attention_processor import Attention  # noqa: E402
from diffusers.models.embeddings import Timesteps  # noqa: E402
from diffusers.models.resnet import ResnetBlock2D  # noqa: E402

from riffedu.diffusion import attention as lesson_10  # noqa: E402
from riffedu.diffusion import unet as inside  # noqa: E402
from riffedu.errors import RiffeduError  # noqa: E402
from riffedu.training.structures import STRUCTURES  # noqa: E402


@pytest.fixture(params=sorted(STRUCTURES))
def network(request):
    torch.manual_seed(0)
    small = dict(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(32, 32, 64),
        cross_attention_dim=16,
        norm_num_groups=8,
    )
    structure = {**STRUCTURES[request.param], "attention_head_dim": 8}
    if "addition_embed_type" in structure:
        structure["addition_embed_type_num_heads"] = 4
    return UNet2DConditionModel(**{**small, **structure}).eval()


@pytest.fixture
def inputs():
    random = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 8, 8, generator=random)
    return x, 300, torch.randn(1, 5, 16, generator=random)


def predict(network, inputs):
    with torch.no_grad():
        return network(*inputs).sample


@pytest.mark.parametrize("width", [2, 32, 320])
def test_timestep_embedding(width):
    times = torch.tensor([0, 1, 17, 999])
    theirs = Timesteps(width, flip_sin_to_cos=True, downscale_freq_shift=0)(times)
    assert (inside.timestep_embedding(times, width) - theirs).abs().max() < 1e-5


@pytest.mark.parametrize("channels, out", [(32, 32), (32, 64), (64, 32)])
def test_residual_block(channels, out):
    torch.manual_seed(0)
    block = ResnetBlock2D(in_channels=channels, out_channels=out, temb_channels=24, groups=8)
    for norm in (block.norm1, block.norm2):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    x, time = torch.randn(3, channels, 6, 5), torch.randn(3, 24)
    with torch.no_grad():
        theirs, ours = block(x, time), inside.residual_block(block, x, time)
    assert (theirs - ours).abs().max() < 1e-5


def test_group_norm():
    torch.manual_seed(0)
    norm = torch.nn.GroupNorm(4, 12)
    torch.nn.init.normal_(norm.weight)
    x = 3 + 2 * torch.randn(2, 12, 5, 7)
    with torch.no_grad():
        assert (norm(x) - inside.group_norm(norm, x)).abs().max() < 1e-5


@pytest.mark.parametrize("words", [False, True])
def test_attention(words):
    torch.manual_seed(0)
    layer = Attention(24, 10 if words else None, heads=3, dim_head=8).eval()
    x, context = torch.randn(2, 9, 24), torch.randn(2, 5, 10) if words else None
    with torch.no_grad():
        theirs, ours = layer(x, context), inside.attention(layer, x, context)
    assert (theirs - ours).abs().max() < 1e-5


def test_lesson_10_uses_the_same_attention():
    assert lesson_10.attend is inside.attend


def test_blocks_cover_the_network_in_order(network, inputs):
    blocks = inside.blocks(network, *inputs)
    names = [block.name for block in blocks]
    assert names == ["in", "down 0", "down 1", "down 2", "mid", "up 0", "up 1", "up 2", "out"]
    assert [block.shape[1] for block in blocks] == [8, 4, 2, 2, 2, 4, 8, 8, 8]
    rest = (network.time_embedding, getattr(network, "add_embedding", None))
    beside = inside.weights(*(part for part in rest if part is not None))
    total = sum(block.parameters for block in blocks) + beside
    assert total == inside.weights(network) == sum(p.numel() for p in network.parameters())


def test_skips_are_those_of_diffusers(network, inputs):
    """Recorded independently: the layers whose output equals what a block of the way up gets."""
    made, taken = {}, {}

    def keep(name):
        def hook(module, args, output):
            made[name] = (output[0] if isinstance(output, tuple) else output).clone()

        return hook

    def take(name):
        def hook(module, args, options):
            taken[name] = [each.clone() for each in options["res_hidden_states_tuple"]]

        return hook

    network.conv_in.register_forward_hook(keep(("in", False)))
    for n, block in enumerate(network.down_blocks):
        last = (getattr(block, "attentions", None) or block.resnets)[-1]
        last.register_forward_hook(keep((f"down {n}", False)))
        for halving in block.downsamplers or ():
            halving.register_forward_hook(keep((f"down {n}", True)))
    for n, block in enumerate(network.up_blocks):
        block.register_forward_pre_hook(take(f"up {n}"), with_kwargs=True)
    predict(network, inputs)
    wanted = [
        (*name, target, tuple(tensor.shape[1:]))
        for name, tensor in made.items()
        for target, received in taken.items()
        if any(each.shape == tensor.shape and torch.equal(each, tensor) for each in received)
    ]
    assert [tuple(skip) for skip in inside.skips(network, *inputs)] == wanted
    assert [skip[:3] for skip in wanted] == [
        ("in", False, "up 2"),
        ("down 0", False, "up 2"),
        ("down 0", True, "up 1"),
        ("down 1", False, "up 1"),
        ("down 1", True, "up 0"),
        ("down 2", False, "up 0"),
    ]


@pytest.mark.parametrize("dtype, most", [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_every_block_and_layer_of_a_network(network, inputs, dtype, most):
    found = {ResnetBlock2D: [], Attention: []}

    def compare(module, args, options, theirs):
        if isinstance(module, ResnetBlock2D):
            ours = inside.residual_block(module, *args, *options.values())
        elif args[0].ndim == 3:
            ours = inside.attention(module, args[0], options.get("encoder_hidden_states"))
        else:
            return  # one structure has attention of another kind in the middle
        found[type(module)].append(float((theirs - ours).abs().max()))

    for module in network.to(dtype).modules():
        if isinstance(module, ResnetBlock2D | Attention):
            module.register_forward_hook(compare, with_kwargs=True)
    x, t, words = inputs
    predict(network, (x.to(dtype), t, words.to(dtype)))
    assert len(found[ResnetBlock2D]) == 11 and found[Attention]
    assert max(max(each) for each in found.values()) < most


def test_every_switch_changes_the_prediction_and_leaves_nothing_behind(network, inputs):
    whole = predict(network, inputs)
    for name in inside.switches(network):
        with inside.without(network, name):
            assert not torch.equal(predict(network, inputs), whole), name
        assert torch.equal(predict(network, inputs), whole), name


def test_switches_are_removed_after_an_error(network, inputs):
    whole = predict(network, inputs)
    with pytest.raises(ZeroDivisionError):
        with inside.without(network, "time", "skips up 2"), inside.record_activations(network):
            raise ZeroDivisionError
    assert torch.equal(predict(network, inputs), whole)
    assert not any(module._forward_hooks for module in network.modules())
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_without_words_the_prompt_does_not_matter(network, inputs):
    x, t, words = inputs
    with inside.without(network, "words"):
        assert torch.equal(predict(network, (x, t, words)), predict(network, (x, t, -words)))
        by_name = network(x, t, encoder_hidden_states=words).sample
        assert torch.equal(by_name, predict(network, (x, t, 2 * words)))


def test_without_time_the_time_does_not_matter(network, inputs):
    x, _, words = inputs
    if getattr(network, "add_embedding", None) is not None:
        pytest.skip("the caption joins the time embedding after it")
    with inside.without(network, "time"):
        assert torch.equal(predict(network, (x, 1, words)), predict(network, (x, 900, words)))


def test_skips_are_named_after_the_block_that_receives_them(network, inputs):
    seen = {}

    def hook(module, args, options):
        for each in options["res_hidden_states_tuple"]:
            seen.setdefault(each.shape[-1], set()).add(bool(each.any()))

    with inside.without(network, "skips up 2"):
        handle = network.up_blocks[-1].register_forward_pre_hook(hook, with_kwargs=True)
        predict(network, inputs)
        handle.remove()
    assert seen == {8: {False}}


def test_an_unknown_part_is_refused(network):
    with pytest.raises(RiffeduError, match="'skips up 9' is not a part .* 'skips up 0'"):
        with inside.without(network, "skips up 9"):
            pass


def test_receptive_fields(network, inputs):
    first = inside.receptive_field(network, *inputs, "in")
    rows, columns = (first > 0).nonzero().T
    assert len(rows) == 9 and set(rows.tolist()) == {3, 4, 5} == set(columns.tolist())
    assert float(first.max()) == 1
    middle = inside.receptive_field(network, *inputs, "mid")
    assert (middle > 0).all(), "attention sees everything"
    assert inputs[0].requires_grad is False
    assert not any(module._forward_hooks for module in network.modules())
