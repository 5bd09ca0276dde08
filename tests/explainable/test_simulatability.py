"""The receiver: against scikit-learn's ridge, the map's cells, and messages whose content is known."""

import pytest
import torch
from sklearn.linear_model import Ridge

from course_lib import datasets, models
from course_lib.attribution.features import feature_game
from course_lib.explainable.simulatability import (
    METHODS,
    leak,
    messages,
    pixel_scores,
    shuffled,
    simulatability,
    simulate,
)
from course_lib.games import gradient, integrated_gradients, leave_one_out


@pytest.mark.parametrize(
    "method, cell",
    [
        ("occlusion", leave_one_out),
        ("gradient x input", gradient),
        ("integrated gradients", lambda game: integrated_gradients(game, steps=8)),
    ],
)
def test_scores_are_cells_of_the_map(method, cell, dtype):
    net, images = models.digit_net().to(dtype), datasets.digits().test_x[:3].to(dtype)
    targets = torch.tensor([3, 8, 0])
    found = pixel_scores(net, images, targets, method)
    for scores, image, target in zip(found, images, targets.tolist(), strict=True):
        game = feature_game(net, image, torch.zeros_like(image), target=lambda out, target=target: out[:, target])
        torch.testing.assert_close(scores, cell(game).scores, rtol=1e-4, atol=1e-4)


def test_a_message_shows_the_pixels_with_the_largest_scores():
    images = torch.tensor([[[0.1, 0.2], [0.3, 0.4]]])
    sent = messages(torch.tensor([[4.0, -9.0, 1.0, 3.0]]), images, 2)
    torch.testing.assert_close(sent, torch.tensor([[1, 0, 0, 1, 0.1, 0, 0, 0.4]]))
    assert messages(torch.zeros(1, 4), images, 0).abs().max() == 0
    for scores, budget in ((torch.zeros(1, 3), 1), (torch.zeros(1, 4), 5)):
        with pytest.raises(ValueError, match="budget"):
            messages(scores, images, budget)


def test_the_student_is_ridge_regression_on_the_other_folds():
    generator = torch.Generator().manual_seed(0)
    received, outputs = torch.randn(40, 6, generator=generator), torch.randint(0, 3, (40,), generator=generator)
    fold = torch.randperm(40, generator=torch.Generator().manual_seed(7)) % 4
    goal = torch.nn.functional.one_hot(outputs).double().numpy()
    found = simulate(received, outputs, folds=4, ridge=0.8, seed=7)
    for k in range(4):
        student = Ridge(alpha=0.8).fit(received[fold != k].double().numpy(), goal[(fold != k).numpy()])
        expected = student.predict(received[fold == k].double().numpy()).argmax(1)
        assert found[fold == k].tolist() == expected.tolist()


def test_noise_says_nothing_and_a_code_says_all():
    generator = torch.Generator().manual_seed(3)
    outputs = torch.randint(0, 5, (300,), generator=generator)
    noise = simulate(torch.randn(300, 20, generator=generator), outputs)
    assert (noise == outputs).double().mean() < 0.3, "training rows would be fitted better than this"
    code = simulate(torch.nn.functional.one_hot(outputs).double(), outputs)
    assert torch.equal(code, outputs)


def test_pixels_that_ask_no_model_leak_nothing_and_pixels_chosen_for_a_class_do():
    net, images = models.digit_net(), datasets.digits().test_x
    assert leak(net, images, "darkest pixels", 8).double().mean() < 0.2
    assert leak(net, images, "gradient x input", 8).double().mean() > 0.6
    usual = simulatability(net, images, "gradient x input", 8).double().mean()
    honest = simulatability(net, images, "gradient x input", 8, explain="shuffled").double().mean()
    classless = simulatability(net, images, "gradient x input", 8, explain="all").double().mean()
    assert usual > 0.95 > classless > 0.7 > honest


def test_without_targets_the_scores_spread_over_classes():
    net, images = models.digit_net(), datasets.digits().test_x[:2]
    every = [pixel_scores(net, images, torch.tensor([k, k]), "saliency") for k in range(10)]
    torch.testing.assert_close(pixel_scores(net, images, None, "saliency"), torch.stack(every).std(0))


def test_shuffled_predictions_keep_their_numbers():
    net, images = models.digit_net(), datasets.digits().test_x
    dealt = shuffled(net, images)
    assert torch.equal(dealt.bincount(), net(images).argmax(1).bincount()) and not torch.equal(dealt, net(images).argmax(1))


def test_bad_input_is_named():
    net, images = models.digit_net(), datasets.digits().test_x[:4]
    with pytest.raises(ValueError, match="method must"):
        pixel_scores(net, images, torch.zeros(4, dtype=torch.long), "magic")
    with pytest.raises(ValueError, match="explain must"):
        simulatability(net, images, "saliency", 3, explain="true class")
    for received, outputs, settings in (
        (torch.zeros(4), torch.zeros(4), {}),
        (torch.zeros(4, 2), torch.zeros(3), {}),
        (torch.zeros(4, 2), torch.zeros(4), {"folds": 5}),
        (torch.zeros(4, 2), torch.zeros(4), {"folds": 2, "ridge": 0.0}),
    ):
        with pytest.raises(ValueError, match="received must"):
            simulate(received, outputs, **settings)
    assert set(METHODS) >= {"saliency", "random pixels"}
