"""The oracle is the plain greedy search: one image, one candidate pixel, one forward pass at a time."""

import numpy as np
import pytest
import torch
from torch import nn

from prunekit.data.examples import ArrayExamples
from prunekit.errors import UsageError
from prunekit.measure.batches import batches, frozen_copy
from prunekit.measure.features import informative_order, order_agreement, transfer


def plain_order(model, image):
    """The exact greedy order of one normalised image [C, H, W]."""
    model = frozen_copy(model)

    def confidence(picture, label):
        return float(model(picture[None]).softmax(1)[0, label])

    label, image, order = int(model(image[None]).argmax()), image.clone(), []
    columns = image.shape[2]
    left = list(range(image.shape[1] * columns))
    while left:
        scores = []
        for pixel in left:
            tried = image.clone()
            tried[:, pixel // columns, pixel % columns] = 0
            scores.append(confidence(tried, label))
        best = left[scores.index(max(scores))]
        image[:, best // columns, best % columns] = 0
        order.append(best)
        left.remove(best)
    return order


def normalised(examples, dataset):
    return next(batches(examples, dataset=dataset)).images


@pytest.fixture
def few(examples):
    return examples.subset(torch.arange(6))


@pytest.mark.parametrize("size", [None, 7, 1000])
def test_the_exact_order_is_the_plain_greedy_one(network, few, dataset, size):
    found = informative_order(network(), few, dataset=dataset, batch_size=size)
    expected = [plain_order(network(), image) for image in normalised(few, dataset)]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int16


class TwoPixels(nn.Module):
    """Class 1's logit rises with the pixels 5 and, less, 2 of the first channel; the others count for nothing."""

    def __init__(self, height=2, width=4):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(height * width))
        self.weight.data[[5, 2]] = torch.tensor([2.0, 1.0])

    def forward(self, images):
        evidence = (images[:, 0].flatten(1) * self.weight).sum(1)
        return torch.stack([torch.zeros_like(evidence), evidence], dim=1)


@pytest.fixture
def bright(dataset):
    """Two images of 2 x 4 pixels, all 1 after normalisation, of classes 1 and 0; the data set they are of."""
    small = dataset._replace(classes=("dark", "bright"), mean=(0.0,) * 3, std=(1.0,) * 3, size=(2, 4))
    return ArrayExamples(torch.full((2, 3, 2, 4), 255, dtype=torch.uint8), torch.tensor([1, 0])), small


def test_an_order_worked_by_hand(bright):
    examples, dataset = bright
    order = informative_order(TwoPixels(), examples, dataset=dataset)
    np.testing.assert_array_equal(order, [[0, 1, 3, 4, 6, 7, 2, 5]] * 2)


def test_confidence_on_kept_pixels_worked_by_hand(bright):
    examples, dataset = bright
    order = np.array([[0, 1, 3, 4, 6, 7, 2, 5]] * 2)
    found = transfer(order, TwoPixels(), examples, dataset=dataset, kept=(1 / 8, 0.01, 0.25, 1))
    for_evidence = 1 / (1 + np.exp([-2.0, -2.0, -3.0, -3.0]))
    np.testing.assert_allclose(found, [for_evidence, 1 - for_evidence], rtol=1e-5)


def test_harmful_pixels_go_first_and_by_how_much_they_harm(bright):
    examples, dataset = bright
    model = TwoPixels()
    model.weight.data[[7, 3]] = torch.tensor([-0.5, -0.2])
    assert informative_order(model, examples, dataset=dataset)[0].tolist() == [7, 3, 0, 1, 4, 6, 2, 5]


@pytest.mark.parametrize("fast", [{"block": 5}, {"candidates": 4}, {"block": 3, "candidates": 8}])
def test_fast_orders_name_every_pixel_once_and_keep_mostly_the_same_ones(few, dataset, fast):
    torch.manual_seed(0)
    linear = nn.Sequential(nn.Flatten(), nn.Linear(108, 4))
    exact = informative_order(linear, few, dataset=dataset)
    found = informative_order(linear, few, dataset=dataset, **fast)
    assert (np.sort(found, axis=1) == np.arange(36)).all()
    assert order_agreement(exact, found, share=0.25).mean() > 0.6


def test_gradient_candidates_are_those_that_cost_least(bright):
    examples, dataset = bright
    model = TwoPixels()
    model.weight.data = -torch.arange(8.0) / 10
    model.weight.data[0] = 5
    found = informative_order(model, examples, dataset=dataset, candidates=2)
    assert found[0].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]


def test_candidates_beyond_the_pixels_change_nothing(network, few, dataset):
    exact = informative_order(network(), few, dataset=dataset)
    np.testing.assert_array_equal(informative_order(network(), few, dataset=dataset, candidates=36), exact)


def test_a_network_keeps_more_of_its_confidence_on_its_own_pixels(network, few, dataset):
    model = frozen_copy(network())
    predicted = model(normalised(few, dataset)).argmax(1)
    own = ArrayExamples(few.images, predicted)
    order = informative_order(model, own, dataset=dataset)
    last, first = (
        transfer(some, model, own, dataset=dataset, kept=(0.25,)) for some in (order, order[:, ::-1].copy())
    )
    assert (last > first).all()


def test_agreement_is_the_shared_part_of_the_kept_pixels():
    exact = np.array([[0, 1, 2, 3], [0, 1, 2, 3]])
    fast = np.array([[0, 1, 3, 2], [3, 1, 0, 2]])
    np.testing.assert_array_equal(order_agreement(exact, fast, share=0.5), [1, 0.5])


def test_true_classes_of_several_labels_add_up(bright):
    examples, dataset = bright
    several = ArrayExamples(examples.images, torch.tensor([[0, 1], [1, -1]]))
    order = np.array([[0, 1, 3, 4, 6, 7, 2, 5]] * 2)
    found = transfer(order, TwoPixels(), several, dataset=dataset, kept=(1,))
    np.testing.assert_allclose(found[:, 0], [1, 1 / (1 + np.exp(-3))], rtol=1e-5)


def test_a_block_larger_than_its_candidates_is_refused(network, few, dataset):
    with pytest.raises(UsageError, match=r"9 pixels.*8 candidates"):
        informative_order(network(), few, dataset=dataset, block=9, candidates=8)


def test_an_order_of_other_images_is_refused(network, few, dataset):
    with pytest.raises(UsageError, match="5 images of 36 pixels"):
        transfer(np.zeros((5, 36), dtype=np.int16), network(), few, dataset=dataset, kept=(0.1,))
