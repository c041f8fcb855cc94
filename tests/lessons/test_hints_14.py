"""Lesson 14: right answers in several forms pass, and each usual mistake gets its own hint."""

import numpy as np
import pytest
import torch
from hints import said

from riffedu.diffusion import toy
from riffedu.diffusion.schedule import add_noise, velocity
from riffedu.lessons.l14_train_your_own import exercises as ex
from riffedu.training.loop import MovingAverage

# Exercise 1


def trained(
    target=velocity,
    noisy=add_noise,
    rate=5e-3,
    decay=0.99,
    optimizer=torch.optim.AdamW,
    steps_of=lambda steps: steps,
    zero=True,
    step_it=True,
    update=True,
    answer=lambda average, network, losses: average,
    seed_each=None,
    one_time=None,
    time_given=True,
):
    """A loop with or without one mistake."""

    def my_loop(network, points, alphas, steps):
        rule = optimizer(network.parameters(), lr=rate)
        average, losses = MovingAverage(network, decay), []
        for step in range(steps_of(steps)):
            if seed_each is not None:
                torch.manual_seed(seed_each)
            x0 = points[torch.randint(len(points), (256,))]
            t, noise = torch.randint(len(alphas), (256,)), torch.randn(256, 2)
            if one_time is not None:
                t = torch.full((256,), one_time)
            a = alphas[t, None]
            predicted = network(toy.features(noisy(x0, noise, a), t if time_given else 0 * t))
            loss = (predicted - target(x0, noise, a)).square().mean()
            if zero:
                rule.zero_grad()
            loss.backward()
            losses.append(float(loss.detach()))
            if step_it:
                rule.step()
            if update:
                average.update(network, step)
        return answer(average, network, losses)

    return my_loop


def by_hand(network, points, alphas, steps):
    """The same with formulas, another batch size and Adam."""
    rule = torch.optim.Adam(network.parameters(), lr=8e-3)
    average = MovingAverage(network, 0.95)
    for step in range(steps):
        t = torch.randint(1000, (512, 1))
        x0 = points[torch.randint(len(points), (512,))]
        noise, a = torch.randn_like(x0), alphas[t]
        x = a.sqrt() * x0 + (1 - a).sqrt() * noise
        v = a.sqrt() * noise - (1 - a).sqrt() * x0
        loss = torch.nn.functional.mse_loss(network(toy.features(x, t[:, 0])), v)
        rule.zero_grad()
        loss.backward()
        rule.step()
        average.update(network, step + 1)
    return average


@pytest.mark.parametrize("answer", [trained(), trained(rate=1e-2), by_hand])
def test_a_loop_is_right(answer):
    said(ex.check_loop(answer), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        (trained(step_it=False), "have not changed"),
        (trained(steps_of=lambda steps: 0), "have not changed"),
        (trained(target=lambda x0, noise, a: noise), "predict the noise"),
        (trained(target=lambda x0, noise, a: x0), "predict the clean point"),
        (trained(target=lambda x0, noise, a: -velocity(x0, noise, a)), "wrong sign"),
        (
            trained(
                noisy=lambda x0, noise, a: a * x0 + (1 - a) * noise,
                target=lambda x0, noise, a: a * noise - (1 - a) * x0,
            ),
            "roots are missing",
        ),
        (trained(update=False), "still holds the first weights"),
        (trained(decay=0.99999, answer=lambda a, n, o: frozen(a)), "does not follow"),
        (trained(answer=lambda average, network, losses: losses), "not list"),
        (trained(answer=lambda average, network, losses: network), "not Sequential"),
        (trained(answer=lambda average, network, losses: None), "returns nothing"),
        (trained(one_time=999), "drawn anew in every step"),
        (trained(steps_of=lambda steps: 3), "still"),
        (trained(rate=float("inf")), "no longer finite"),
        (lambda network: None, "other arguments"),
        (3, "without brackets"),
        (..., "replace the ..."),
        (lambda *_: ..., "returns nothing"),
    ],
)
def test_a_loop_is_wrong(answer, words):
    said(ex.check_loop(answer), words)


def frozen(average):
    """An average that has hardly moved away from a random network."""
    for value in average.parameters.values():
        value.copy_(0.01 * torch.randn(value.shape, generator=torch.Generator().manual_seed(0)))
    return average


# Exercise 2

RIGHT = dict(matrix=5120, convolution=2816, start=0, doubled=2, constant=1)


@pytest.mark.parametrize(
    "answer",
    [
        RIGHT,
        {name: float(value) for name, value in RIGHT.items()},
        {name: np.array([value]) for name, value in RIGHT.items()},
    ],
)
def test_predictions_are_right(answer):
    said(ex.check_predictions(answer), None)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"matrix": 320 * 320}, "that is W itself"),
        ({"matrix": 2560}, "B has as many"),
        ({"matrix": 64}, "not 8 × 8"),
        ({"matrix": 102400 + 5120}, "W is frozen"),
        ({"matrix": 5}, "count both"),
        ({"convolution": 4 * 64 + 4 * 128}, "3 × 3 weights for each pair"),
        ({"convolution": 9 * 768}, "only A has the 3 × 3 kernel"),
        ({"convolution": 9 * 64 * 128}, "the layer itself"),
        ({"convolution": 4 * 64 * 9}, "that is A alone"),
        ({"convolution": 4 * 64 * 3 + 4 * 128}, "9 weights for each pair"),
        ({"convolution": 1}, "without biases"),
        ({"start": 1}, "B is zero at the start"),
        ({"start": 0.5}, "outputs are equal"),
        ({"doubled": 16}, "α is divided by r"),
        ({"doubled": 0.5}, "not r / α"),
        ({"doubled": 3}, "α / r · B A x"),
        ({"constant": 0}, "what is its mean squared error"),
        ({"constant": 2}, "sum to 1"),
        ({"constant": 0.5}, "are added"),
        ({"constant": ...}, "constant: replace the ..."),
        ({"constant": "one"}, "should be numbers"),
        ({"constant": float("nan")}, "contains NaN"),
    ],
)
def test_predictions_are_wrong(change, words):
    said(ex.check_predictions({**RIGHT, **change}), words)


def test_predictions_need_every_name():
    said(ex.check_predictions({"matrix": 5120}), "for each of matrix, convolution")
    said(ex.check_predictions([5120]), "Give a dict")
    said(ex.check_predictions(None), "replace the ...")


# Exercise 3


def letter_of(strength):
    return next(letter for letter, found in ex.order().items() if found == strength)


@pytest.mark.parametrize("form", [str, str.lower, lambda letter: f" {letter} "])
def test_by_ear_is_right(form):
    said(ex.check_by_ear(form(letter_of("0"))), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        (letter_of("0.5"), "half its strength"),
        (letter_of("1"), "full strength or more"),
        (letter_of("1.5"), "full strength or more"),
        (..., "replace the ..."),
        (None, "replace the ..."),
        (0, "one letter"),
        ("E", "one letter"),
        ("", "one letter"),
        ("AB", "one letter"),
        (["A"], "one letter"),
        (0.5, "one letter"),
    ],
)
def test_by_ear_is_wrong(answer, words):
    said(ex.check_by_ear(answer), words)


# Exercise 4


@pytest.mark.parametrize("answer", [[3, 7, 10], np.array([10, 3, 7]), {3, 7, 10}, (3.0, 7.0, 10.0)])
def test_leaks_are_right(answer):
    said(ex.check_leaks(answer), None)


@pytest.mark.parametrize(
    "answer, words",
    [
        ([3, 7], "begins at another time"),
        ([3], "1 of 3"),
        ([3, 10], "quieter copy"),
        ([7, 10], "exact copy"),
        ([7], "exact copy"),
        ([], "There are leaks"),
        ([3, 7, 10, 0], "Clip 0 is not in"),
        ([0], "Clip 0 is not in"),
        (range(12), "too many"),
        ([17, 31, 5], "not the training clips'"),
        ([-1], "numbers 0 to 11"),
        (3, "as a list"),
        ("abc", "as a list"),
        (..., "replace the ..."),
        (None, "replace the ..."),
        ([None], "as a list"),
    ],
)
def test_leaks_are_wrong(answer, words):
    said(ex.check_leaks(answer), words)


def test_the_leaks_can_be_found_with_what_the_text_names():
    train, test = ex.two_sets()
    assert train.shape == (40, 32, 64) and test.shape == (12, 32, 64)
    assert np.array_equal(test[3], train[17])

    def alike(n):
        moved = np.roll(train, n, axis=2).reshape(40, -1)
        return np.corrcoef(test.reshape(12, -1), moved)[:12, 12:].max(1)

    best = np.max([alike(n) for n in range(-8, 9)], axis=0)
    assert set(np.flatnonzero(best > 0.9)) == set(ex.LEAKS)
    assert np.sort(best)[-4] < 0.5
    assert set(np.flatnonzero(alike(0) > 0.9)) == {3, 7}
