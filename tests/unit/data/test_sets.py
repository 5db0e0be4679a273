"""Sets of distributions by name."""

import pytest

from prunekit.data.datasets import check_distribution
from prunekit.data.sets import SETS, expand
from prunekit.distribution import CORRUPTIONS, parse
from prunekit.errors import UsageError


@pytest.mark.parametrize("dataset", ["digits", "cifar10", "cifar100", "imagenet", "voc2012"])
@pytest.mark.parametrize("name", SETS)
def test_every_set_names_distributions_that_exist_once_each(name, dataset):
    found = expand(name, dataset)
    assert len(set(found)) == len(found)
    for text in found:
        check_distribution(parse(text))


def test_the_paper_s_cifar_sets():
    nominal = expand("@paper-nominal", "cifar10")
    assert len(nominal) == 20
    assert nominal[0] == "cifar10.1"
    assert set(nominal[1:]) == {f"cifar10-c/{name}@3" for name in CORRUPTIONS}


def test_mix1_and_mix2_share_nothing_and_make_all():
    train, test = expand("@paper-mix1-train", "cifar10"), expand("@paper-mix1-test", "cifar10")
    assert (train[0], test[0], len(train), len(test)) == ("cifar10", "cifar10.1", 10, 11)
    assert {*train[1:], *test[1:]} == set(expand("@corruptions", "cifar10"))


def test_all_severities_are_all():
    assert len(expand("@all-severities", "cifar100")) == 95
    assert "cifar100-c/fog@5" in expand("@all-severities", "cifar100")


def test_a_data_set_without_published_corruptions_gets_made_ones():
    assert "folder:my/images+fog@3" in expand("@paper-nominal", "folder:my/images")
    assert "imagenet-c/fog@3" in expand("@corruptions", "imagenet")
    assert expand("@paper-nominal", "imagenet")[0] == "objectnet"


def test_a_plain_distribution_is_itself():
    assert expand("cifar10+uniform@0.1", "digits") == ["cifar10+uniform@0.1"]


def test_a_misspelt_set_gets_the_nearest_name():
    with pytest.raises(UsageError, match="did you mean '@corruptions'"):
        expand("@corruption", "digits")
