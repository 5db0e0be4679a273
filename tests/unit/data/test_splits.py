"""The held-out share: stratified, seeded, disjoint."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunekit.data.splits import hold_out
from prunekit.errors import UsageError

LABELS = torch.arange(10).repeat_interleave(20)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.floats(0, 0.99), st.integers(0, 5))
def test_every_image_is_in_one_half_and_no_class_loses_all(labels, fraction, seed):
    labels = torch.tensor(labels)
    train, valid = hold_out(labels, fraction, seed)
    assert sorted([*train.tolist(), *valid.tolist()]) == list(range(len(labels)))
    assert set(labels[train].tolist()) == set(labels.tolist())


def test_every_class_gives_the_same_share():
    _, valid = hold_out(LABELS, 0.1, 0)
    assert LABELS[valid].bincount().tolist() == [2] * 10


def test_a_seed_names_one_split():
    assert hold_out(LABELS, 0.1, 3)[1].tolist() == hold_out(LABELS, 0.1, 3)[1].tolist()
    assert hold_out(LABELS, 0.1, 3)[1].tolist() != hold_out(LABELS, 0.1, 4)[1].tolist()


def test_the_split_of_a_seed_never_changes():
    # Golden: a stored model's validation images must stay unseen after an upgrade.
    assert hold_out(torch.arange(2).repeat(10), 0.3, 0)[1].tolist() == [3, 4, 7, 8, 11, 16]


def test_nothing_is_held_out_of_nothing():
    train, valid = hold_out(LABELS, 0.0, 0)
    assert (len(train), len(valid)) == (200, 0)


def test_labels_per_pixel_are_split_without_classes():
    train, valid = hold_out(torch.zeros(10, 4, 4, dtype=torch.int64), 0.2, 0)
    assert (len(train), len(valid)) == (8, 2)


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_a_share_outside_the_unit_interval_is_refused(fraction):
    with pytest.raises(UsageError, match="held-out fraction"):
        hold_out(LABELS, fraction, 0)


def test_any_whole_number_is_a_seed():
    assert len(hold_out(LABELS, 0.1, 2**40)[1]) == 20
