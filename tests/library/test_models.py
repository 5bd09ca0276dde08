"""Networks and data: shapes, seeds, the checkpoint of the case file, and that it can be made again."""

import pytest
import torch

from course_lib import datasets, models, training
from course_lib.data import make_digit_net


def test_a_network_is_its_seed():
    first, second, other = (models.MLP([3, 5, 2], "tanh", seed) for seed in (0, 0, 1))
    x = torch.ones(4, 3)
    assert torch.equal(first(x), second(x)) and not torch.equal(first(x), other(x))


def test_one_output_has_no_axis_of_its_own():
    assert models.MLP([3, 1])(torch.zeros(4, 3)).shape == (4,)
    assert models.MLP([3, 2])(torch.zeros(4, 3)).shape == (4, 2)


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="activation must be one of .* got 'sin'"):
        models.MLP([1, 1], "sin")


def test_the_digit_reader_is_the_one_of_the_case_file():
    net, split, digit = models.digit_net(), datasets.digits(), datasets.misread_digit()
    assert training.accuracy(net, split.test_x, split.test_y) >= 0.98
    assert split.test_y[split.rows == datasets.MISREAD] == 8 and net(digit[None]).argmax() == 3
    assert torch.allclose(net(digit[None]), net.read(net.filters(digit[None])))


def test_the_script_makes_an_equally_good_digit_reader():
    split = datasets.digits()
    stored, again = models.digit_net(), make_digit_net.train()
    accuracies = [training.accuracy(net, split.test_x, split.test_y) for net in (stored, again)]
    assert abs(accuracies[0] - accuracies[1]) <= 0.01


def test_the_tumour_network_is_good_and_repeatable():
    split, net = datasets.breast_cancer(), models.tumour_net()
    assert training.accuracy(net, split.test_x.float(), split.test_y) >= 0.93
    assert torch.equal(net(split.test_x.float()), models.tumour_net()(split.test_x.float()))


def test_splits_share_no_row_and_groups_name_their_columns():
    digits, cancer = datasets.digits(), datasets.breast_cancer()
    assert len(digits.train_x) + len(digits.test_x) == 1797 and len(digits.rows.unique()) == 500
    assert digits.train_x.min() >= 0 and digits.train_x.max() <= 1
    assert torch.allclose(cancer.train_x.mean(0), torch.zeros(30).double(), atol=1e-9)
    for name, group in zip(cancer.names, cancer.groups.tolist(), strict=True):
        assert cancer.group_names[group] in name


def test_patches_cut_the_image():
    assert datasets.patches(2).unique(return_counts=True)[1].tolist() == [4] * 16
    with pytest.raises(ValueError, match="size must divide side=8, got 3"):
        datasets.patches(3)
