"""Training the decoder: the gradient term, the critic, and a run that sharpens pictures."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from riffedu.training.decoder import (  # noqa: E402
    build_critic,
    critic_loss,
    decoder_loss,
    gradient_loss,
    opinions,
)


def test_gradient_loss_is_the_mean_absolute_difference_of_neighbours():
    random = torch.Generator().manual_seed(0)
    a, b = (torch.rand(2, 1, 16, 24, generator=random) for _ in range(2))
    error = (a - b).numpy()[:, 0]
    expected = [
        np.abs(np.diff(e, axis=2)).mean() + np.abs(np.diff(e, axis=1)).mean()
        for e in (error, error.reshape(2, 8, 2, 12, 2).mean(axis=(2, 4)))
    ]
    assert float(gradient_loss(a, b, (1, 2))) == pytest.approx(np.mean(expected), abs=1e-6)
    assert float(gradient_loss(a, a + 0.3)) == pytest.approx(0, abs=1e-6)


def test_a_step_at_a_border_costs_more_than_the_same_error_spread_out():
    clean = torch.zeros(1, 1, 32, 64)
    step, ramp = clean.clone(), clean.clone()
    step[..., 32:] = 0.5
    ramp[:] = torch.linspace(0, 0.5, 64)
    noise = 0.25 * torch.sign(torch.randn(clean.shape, generator=torch.Generator().manual_seed(1)))
    # the same mean absolute error, but only noise and steps have large differences
    assert gradient_loss(noise, clean) > gradient_loss(step, clean)
    assert gradient_loss(step, clean, (1,)) == pytest.approx(
        float(gradient_loss(ramp, clean, (1,)))
    )


def reach(critic) -> tuple[int, int]:
    """The rows and columns of pixels that one score depends on."""
    pixels = torch.rand(1, 1, 256, 256, requires_grad=True)
    critic(pixels)[0, 0, 8, 8].backward()
    seen = (pixels.grad[0, 0] != 0).nonzero()
    return tuple((seen.max(0).values - seen.min(0).values + 1).tolist())


def test_the_critic_scores_windows_and_learns_to_tell_blurred_from_sharp():
    torch.manual_seed(0)
    critic = build_critic(8)
    assert reach(critic) == (76, 76)
    stripes = torch.zeros(8, 1, 64, 64)
    stripes[..., ::4] = 1.0
    sharp = stripes + 0.1 * torch.randn(stripes.shape)
    blurred = torch.nn.functional.avg_pool2d(sharp, 5, 1, 2)
    *layers, scores = opinions(critic, sharp)
    assert scores.shape == (8, 1, 4, 4) and len(layers) == 4
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3)
    losses = []
    for _ in range(40):
        loss = critic_loss(critic(sharp), critic(blurred))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert critic(sharp).mean() > critic(blurred).mean() + 1


def test_the_hinge_is_zero_beyond_its_margin():
    assert float(critic_loss(torch.tensor([1.0, 3.0]), torch.tensor([-1.0, -2.0]))) == 0
    assert float(critic_loss(torch.zeros(2), torch.zeros(2))) == 2


def test_without_trust_the_critic_has_no_say():
    torch.manual_seed(0)
    a, b = torch.rand(1, 1, 64, 64), torch.rand(1, 1, 64, 64)
    one, other = build_critic(8), build_critic(8)
    assert torch.equal(decoder_loss(a, b, one, 0), decoder_loss(a, b, other, 0))
    assert not torch.equal(decoder_loss(a, b, one, 1), decoder_loss(a, b, other, 1))


def test_training_changes_the_decoder_alone(tiny_data, tmp_path):
    from itertools import islice

    from tiny import write_riffedu_checkpoint

    from riffedu.diffusion.checkpoint import load_checkpoint
    from riffedu.training.decoder import train_decoder

    folder = write_riffedu_checkpoint(tmp_path / "model")
    before = load_checkpoint(folder).vae
    for _ in range(2):  # the second run goes on from the first
        steps = train_decoder(tiny_data, folder, minutes=1)
        assert all(np.isfinite(step.loss) for step in islice(steps, 2))
        steps.close()
    after = load_checkpoint(folder).vae

    def changed(part):
        pairs = zip(getattr(before, part).parameters(), getattr(after, part).parameters())
        return any(not a.half().equal(b.half()) for a, b in pairs)

    assert changed("decoder") and not changed("encoder")
    assert (folder / "training" / "decoder.png").stat().st_size > 1000
    assert (folder / "training" / "critic.safetensors").is_file()
