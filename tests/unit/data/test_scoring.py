"""Per-example outcomes against plain loops."""

import math

import pytest
import torch

from prunekit.data.scoring import (
    classification_loss,
    classification_outcomes,
    segmentation_loss,
    segmentation_outcomes,
)
from prunekit.tasks.classification import top_k_error
from prunekit.tasks.segmentation import miou_error, pixel_error


def _numpy(outcomes):
    return {name: values.numpy() for name, values in outcomes.items()}


def test_classification_outcomes_of_one_image_by_hand():
    logits = torch.log(torch.tensor([[0.2, 0.5, 0.3]]))
    found = classification_outcomes(logits, torch.tensor([2]))
    assert (found["predicted"].item(), found["label"].item(), found["rank"].item()) == (1, 2, 1)
    assert found["loss"].item() == pytest.approx(-math.log(0.3))
    assert found["confidence"].item() == pytest.approx(0.5)


def test_brier_by_hand():
    """(0.2, 0.5, 0.3) is 0.04 + 0.25 + 0.49 from the third class; all on a wrong class is 2, on the right one 0."""
    logits = torch.log(torch.tensor([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    brier = classification_outcomes(logits, torch.tensor([2, 2, 2]))["brier"]
    assert brier.tolist() == pytest.approx([0.78, 2, 0], abs=1e-6)


def test_brier_counts_all_accepted_classes_as_one():
    """Right 0.1 + 0.6 of (0.1, 0.6, 0.3): 0.3² + 0.3²; padding is no class, also beside class 0."""
    logits = torch.log(torch.tensor([[0.1, 0.6, 0.3]] * 3))
    labels = torch.tensor([[0, 1], [2, -1], [0, -1]])
    brier = classification_outcomes(logits, labels)["brier"]
    assert brier.tolist() == pytest.approx([0.18, 0.01 + 0.36 + 0.49, 0.81 + 0.36 + 0.09], abs=1e-6)


def test_brier_agrees_with_the_distance_to_the_one_hot_truth():
    logits, labels = torch.randn(40, 6, generator=torch.Generator().manual_seed(3)), torch.arange(40) % 6
    truth = torch.nn.functional.one_hot(labels, 6).float()
    expected = (logits.softmax(dim=1) - truth).square().sum(dim=1)
    assert torch.allclose(classification_outcomes(logits, labels)["brier"], expected, atol=1e-6)


def test_rank_agrees_with_sorting_the_logits():
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 7
    order = logits.argsort(dim=1, descending=True).tolist()
    expected = [places.index(label) for places, label in zip(order, labels.tolist(), strict=True)]
    assert classification_outcomes(logits, labels)["rank"].tolist() == expected


def test_ties_are_won_by_the_lower_class_as_argmax_has_it():
    found = classification_outcomes(torch.zeros(3, 3), torch.arange(3))
    assert found["rank"].tolist() == [0, 1, 2]
    assert found["predicted"].tolist() == [0, 0, 0]


def test_nan_is_never_right():
    found = classification_outcomes(torch.full((2, 4), torch.nan), torch.tensor([0, 3]))
    assert found["rank"].tolist() == [3, 3]


def test_any_accepted_class_counts_and_padding_does_not():
    logits = torch.log(torch.tensor([[0.1, 0.6, 0.3], [0.1, 0.6, 0.3]]))
    found = classification_outcomes(logits, torch.tensor([[0, 1], [2, -1]]))
    assert found["rank"].tolist() == [0, 1]
    assert found["label"].tolist() == [1, 2]
    assert found["loss"].tolist() == pytest.approx([-math.log(0.7), -math.log(0.3)], abs=1e-6)
    assert top_k_error(_numpy(found)) == 0.5


def test_padding_is_no_class_even_where_class_0_is_on_top():
    found = classification_outcomes(torch.tensor([[9.0, 1.0, 2.0]]), torch.tensor([[1, -1]]))
    assert (found["rank"].item(), found["label"].item()) == (2, 1)


def test_the_mean_of_the_losses_is_the_training_loss():
    logits, labels = torch.randn(20, 5, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 5
    losses = classification_outcomes(logits, labels)["loss"]
    assert losses.mean().item() == pytest.approx(classification_loss(logits, labels).item(), rel=1e-5)


def _plain_counts(predicted, labels, classes):
    """The oracle: one pixel at a time."""
    intersection, union = [0] * classes, [0] * classes
    for said, true in zip(predicted.flatten().tolist(), labels.flatten().tolist(), strict=True):
        if true == 255:
            continue
        for name in range(classes):
            intersection[name] += said == name and true == name
            union[name] += said == name or true == name
    return intersection, union


def test_segmentation_counts_agree_with_a_loop_over_pixels():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 4, 5, 6, generator=generator)
    labels = torch.randint(0, 4, (3, 5, 6), generator=generator)
    labels[:, 0] = 255
    found = segmentation_outcomes(logits, labels)
    for image in range(3):
        intersection, union = _plain_counts(logits[image].argmax(dim=0), labels[image], 4)
        assert found["intersection"][image].tolist() == intersection
        assert found["union"][image].tolist() == union
    assert found["pixels"].tolist() == [24, 24, 24]
    assert (found["pixels"] - found["wrong"]).tolist() == found["intersection"].sum(dim=1).tolist()


def test_a_perfect_segmentation_has_no_error_whatever_the_void_pixels_say():
    labels = torch.tensor([[[0, 1], [2, 255]]])
    logits = torch.nn.functional.one_hot(labels.clamp(max=2), 3).permute(0, 3, 1, 2).float()
    outcomes = _numpy(segmentation_outcomes(logits, labels))
    assert (miou_error(outcomes), pixel_error(outcomes)) == (0, 0)


def test_segmentation_loss_leaves_void_pixels_out():
    logits, labels = torch.randn(1, 3, 2, 2), torch.tensor([[[0, 255], [1, 2]]])
    losses = segmentation_outcomes(logits, labels)["loss"]
    assert losses.item() == pytest.approx(segmentation_loss(logits, labels).item(), rel=1e-5)


def test_an_image_of_void_alone_has_loss_zero_not_nan():
    found = segmentation_outcomes(torch.randn(1, 3, 2, 2), torch.full((1, 2, 2), 255))
    assert found["loss"].item() == 0
    assert found["pixels"].item() == 0
