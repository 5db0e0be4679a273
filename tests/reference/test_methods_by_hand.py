"""One small example per method, worked by hand from the formula of its source."""

import math

import pytest
import torch
from torch import nn

from prunekit.pruning.allocation import Choice, global_share, largest, standings, uniform_share
from prunekit.pruning.api import prune, sensitivities
from prunekit.pruning.methods import METHODS
from prunekit.pruning.scores.layerwise import removal_costs
from prunekit.pruning.scores.thinet import drop_order

X = torch.tensor([[1.0, 2.0]])


def linear(*weights):
    """Linear layers with these weights and no biases, one after the other."""
    layers = []
    for rows in weights:
        layer = nn.Linear(len(rows[0]), len(rows), bias=False)
        layer.weight.data = torch.tensor(rows, dtype=torch.float32)
        layers.append(layer)
    return nn.Sequential(*layers)


def scores(method, model, batches=(), layer="0", **more):
    return sensitivities(model, method=method, batches=batches, **more)[layer].tolist()


def close(expected):
    return pytest.approx(expected, rel=1e-6)


def test_wt_and_uniform_wt_are_sizes():
    model = linear([[1, -2], [-3, 0.5]])
    assert scores("wt", model) == scores("uniform-wt", model) == [[1, 2], [3, 0.5]]


def test_ft_sums_sizes_of_a_filter():
    assert scores("ft", linear([[1, -2], [-3, 0.5]])) == [3, 3.5]


def test_l2_is_the_length_of_a_filter():
    assert scores("l2", linear([[3, -4], [0, 2]])) == [5, 2]


def test_fpgm_sums_distances_to_the_other_filters():
    assert scores("fpgm", linear([[0, 0], [3, 4], [6, 8]])) == [15, 10, 15]


def test_lamp_divides_by_the_squares_that_are_not_smaller():
    # squares 1, 4, 9: 1/14, 4/13, 9/9
    assert scores("lamp", linear([[1, -2, 3]]))[0] == close([1 / 14, 4 / 13, 1.0])


def test_sipp_is_the_share_of_the_positive_and_of_the_negative_sum():
    # row 0: both positive, products 3 and 2: 3/5, 2/5; row 1: one of each sign, each the whole of its own sum.
    found = sensitivities(linear([[3, 1], [2, -1]]), method="sipp", batches=[X])["0"]
    assert found.flatten().tolist() == close([0.6, 0.4, 1, 1])


def test_sipp_takes_the_largest_over_images_and_the_mean_over_positions():
    tokens = torch.tensor([[[1.0, 2.0], [1.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]]])
    # image 0, positions: shares (3/5, 2/5) and (1, 0), mean (0.8, 0.2); image 1: (3/4, 1/4)
    found = sensitivities(linear([[3, 1]]), method="sipp", batches=[tokens])["0"]
    assert found[0].tolist() == close([0.8, 0.25])


def test_sipp_counts_negative_inputs_as_an_image_of_their_own():
    # the positive half (1, 0) gives shares (1, 0), the negative half (0, 2) gives (0, 1)
    found = sensitivities(linear([[3, 1]]), method="sipp", batches=[torch.tensor([[1.0, -2.0]])])["0"]
    assert found[0].tolist() == close([1, 1])


def test_pfp_takes_the_largest_share_of_every_input_channel():
    tokens = torch.tensor([[[1.0, 2.0], [1.0, 4.0]]])
    # shares of channel 0: 3/5, 3/7; of channel 1: 2/5, 4/7
    assert scores("pfp", linear([[3, 1]]), [tokens]) == close([0.6, 4 / 7])


def test_snip_is_the_share_of_gradient_times_weight():
    # two logits w x with x = (1, 0), label 0, softmax (p, 1 - p): dL/dw = (p - 1, 1 - p): sizes |w| (1 - p)
    model = linear([[3, 0], [1, 0]])
    found = scores("snip", model, [(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))])
    assert [found[0][0], found[1][0]] == close([0.75, 0.25])


def test_taylor_squares_gradient_times_weight_and_taylor_filter_its_sum_over_a_filter():
    model = linear([[3, 1], [0, 0]])
    batch = [(torch.tensor([[1.0, -1.0]]), torch.tensor([0]))]
    fall = 1 - 1 / (1 + math.exp(-2))  # logits 2 and 0, so dL/dw of row 0 is -fall (1, -1)
    assert scores("taylor", model, batch)[0] == close([(3 * fall) ** 2, fall**2])
    assert scores("taylor-filter", model, batch)[0] == close((3 * fall - fall) ** 2)


def test_slim_is_the_scale_of_the_batch_norm_behind():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(2, 2))
    model[1].weight.data = torch.tensor([-0.5, 2.0])
    assert scores("slim", model) == [0.5, 2.0]
    assert scores("slim", model, layer="4") == [1, 1]


def test_thinet_drops_the_channels_that_cancel():
    # contributions (1, 0), (-1, 0), (0, 1.2): dropping 0 costs 1, then dropping 1 too costs 0.
    parts = torch.tensor([[1.0, -1.0, 0.0], [0.0, 0.0, 1.2]])
    assert drop_order(parts).tolist() == close([1 / 3, 2 / 3, 1])


def test_thinet_sees_what_each_channel_adds():
    # one output entry: channel 0 adds 3, channel 1 adds 2: the smaller goes first
    assert scores("thinet", linear([[3, 1]]), [X]) == [1.0, 0.5]


@pytest.mark.parametrize("method", ["random", "random-filter", "uniform-filter"])
def test_controls_find_everything_alike(method):
    found = sensitivities(linear([[1, -2], [-3, 0.5]]), method=method)["0"]
    assert bool((found == 1).all())


def test_controls_draw_uniformly():
    model = linear([[1.0] * 10 for _ in range(20)], [[1.0] * 20])
    kept = sum(
        prune(model, method="random", prune_ratio=0.5, seed=seed)["0.weight"].float() for seed in range(80)
    )
    assert (kept / 80).mean() == pytest.approx(0.5, abs=0.05)
    assert float((kept / 80).min()) > 0.3
    assert float((kept / 80).max()) < 0.8


@pytest.mark.parametrize("method", ["sipp-rand", "pfp-rand"])
def test_sampled_methods_share_their_sensitivities_and_keep_the_likely(method):
    assert METHODS[method].sensitivity == METHODS[method.removesuffix("-rand")].sensitivity
    model = linear([[1.0, 1.0]] * 6, [[8.0, 4, 2, 1, 0.5, 0.25]])
    kept = [
        prune(model, method=method, prune_ratio=0.5, batches=[X], seed=seed)["1.weight"][0]
        for seed in range(60)
    ]
    often = torch.stack(kept).float().mean(0)
    assert often[0] > often[5]


def choice(**scores):
    return Choice(scores, scores, kernel={}, positions={})


def test_uniform_share_rounds_half_to_even_and_keeps_one():
    counts = uniform_share(choice(a=torch.ones(5), b=torch.ones(7), c=torch.ones(1)), 0.5)
    assert counts == {"a": 2, "b": 4, "c": 1}


def test_global_share_ranks_all_filters_together_and_keeps_one_of_each_layer():
    counts = global_share(choice(a=torch.tensor([5.0, 4.0, 3.0]), b=torch.tensor([1.0, 2.0])), 0.6)
    assert counts == {"a": 3, "b": 1}


def test_ties_go_to_the_first():
    assert largest(torch.tensor([1.0, 2, 1, 1]), 3).tolist() == [True, True, True, False]
    assert standings(torch.tensor([1.0, 2, 1, -torch.inf, 1])).tolist() == [1, 0, 2, 4, 3]


def test_lamp_filter_is_lamp_of_whole_filters():
    # squared lengths 25, 4, 1: 25/25, 4/29, 1/30
    assert scores("lamp-filter", linear([[3, 4], [0, 2], [1, 0]])) == close([1, 4 / 29, 1 / 30])


def test_group_taylor_and_hessian_take_products_before_they_sum():
    # logits (x0 + 2 x1, x0 + 2 x1) = (5, 5), label 0: dL/dz = (-1/2, 1/2); dL/dW = (-1/2, -1) and (1/2, 1)
    model, batch = linear([[1, 2], [1, 2]]), (X, torch.tensor([0]))
    assert scores("group-taylor", model, [batch]) == close([2.5, 2.5])  # 1 * 1/2 + 2 * 1
    assert scores("hessian", model, [batch]) == close([(0.25 + 4) / 2] * 2)
    assert scores("taylor-filter", model, [batch]) == close([6.25, 6.25])


def test_hessian_is_the_mean_over_images_whatever_the_batches():
    model, images = linear([[1, 2], [0, 1]]), torch.tensor([[1.0, 2], [3, -1], [0, 1]])
    labels = torch.tensor([0, 1, 1])
    alone = [(image[None], label[None]) for image, label in zip(images, labels, strict=True)]
    each = torch.tensor([scores("hessian", model, [batch]) for batch in alone])
    assert scores("hessian", model, [(images, labels)]) == close(each.mean(0).tolist())


def test_synflow_is_what_flows_through_a_weight():
    # sizes: W1 = [[1, 2]], W2 = [[3], [4]]; R = (1 + 2) * (3 + 4) = 21 an image, of two images of ones; through W1: 7, 14
    # and through W2: 9, 12, an image
    model = linear([[1, -2]], [[3], [-4]])
    assert scores("synflow", model) == [[2 * 7, 2 * 14]]
    assert scores("synflow", model, layer="1") == [[2 * 9], [2 * 12]]


def test_wanda_ranks_size_times_input_norm_within_a_filter():
    # norms of the inputs: (5, 1); filter 0: 1 * 5 > 3 * 1; filter 1: 1 * 5 < 6 * 1
    inputs = torch.tensor([[3.0, 1], [4, 0]])
    assert scores("wanda", linear([[1, 3], [1, -6]]), [inputs]) == [[1, 0.5], [0.5, 1]]


def test_obc_removes_greedily_and_lets_the_rest_take_over():
    # gram [[2, 1], [1, 2]], weights (1, 1): each costs 1 / (2/3) = 1.5 and the first goes; the other becomes 1.5 and
    # costs 1.5^2 / (1/2) = 4.5: together 6, which is all of the output
    gram, weight = torch.tensor([[2.0, 1], [1, 2]]).double(), torch.ones(1, 2).double()
    assert removal_costs(gram, weight, damping=0)[0].tolist() == close([1.5, 4.5])
    # both at once, in one round: each at its first cost
    assert removal_costs(gram, weight, damping=0, rounds=1)[0].tolist() == close([1.5, 1.5])


def test_obc_scores_are_shares_of_what_a_layer_makes():
    # inputs -1, 1 of both columns in all signs: gram 4 I; costs (4 w^2) over 4 (1 + 9), damped by a hundredth
    inputs = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert scores("obc", linear([[1, 3]]), [inputs])[0] == close([0.101, 0.909])


def test_nm_keeps_the_n_largest_of_every_m_and_ranks_the_rest_by_layer():
    model = linear([[1, -2, 3, 4, 8, 7, -6, 5], [1, 1, 1, 1, 2, 0, 0, 9]], [[1, -2], [4, 3]])
    found = sensitivities(model, method="nm", options={"m": 2, "n": 1})
    inf = math.inf
    # Of every two the larger stays; of two equal ones the first.
    kept = [[0, 1, 0, 1, 1, 0, 1, 0], [1, 0, 1, 0, 1, 0, 0, 1]]
    assert (found["0"] == inf).int().tolist() == kept
    assert (found["1"] == inf).int().tolist() == [[0, 1], [1, 0]]
    # Layer 0 loses 18 of 51, layer 1 loses 4 of 10: layer 0 goes first, its smallest weights first.
    assert found["0"][0, 0] < found["0"][0, 2] < found["0"][0, 7] < found["0"][0, 5] < 1
    assert found["1"][0, 0] == 1
    assert 1 < found["1"][1, 1] < 2


def test_nm_groups_the_channels_of_a_convolution_at_each_kernel_position():
    conv = nn.Conv2d(4, 1, (1, 2), bias=False)
    conv.weight.data = torch.tensor([[[[1.0, 8]], [[2, 7]], [[3, 6]], [[4, 5]]]])
    found = scores("nm", nn.Sequential(conv))
    assert [[value == math.inf for value in row[0]] for row in found[0]] == [
        [False, True],
        [False, True],
        [True, False],
        [True, False],
    ]
