"""Class names in the order of their labels."""

import pytest

from prunekit.data.classes import names


@pytest.mark.parametrize(
    ("of", "count", "places"),
    [
        ("digits", 10, {7: "7"}),
        ("cifar10", 10, {0: "airplane", 3: "cat", 9: "truck"}),
        ("cifar100", 100, {0: "apple", 1: "aquarium_fish", 99: "worm"}),
        ("voc", 21, {0: "background", 15: "person", 20: "tvmonitor"}),
        ("imagenet", 1000, {0: "n01440764", 281: "n02123045", 999: "n15075141"}),
    ],
)
def test_labels_have_their_published_names(of, count, places):
    found = names(of)
    assert len(set(found)) == len(found) == count
    assert {place: found[place] for place in places} == places


@pytest.mark.parametrize("of", ["imagenet", "cifar100"])
def test_sorted_lists_are_sorted(of):
    assert list(names(of)) == sorted(names(of))
