import pytest

from prunekit.analysis.shifts import is_nominal, is_shifted, nominal_of, sets_among
from prunekit.analysis.variant import Variant


@pytest.mark.parametrize(
    ("name", "nominal", "shifted"),
    [
        ("cifar10", True, False),
        ("cifar10:valid", False, False),
        ("cifar10:train", False, False),
        ("cifar10+fog@3", False, True),
        ("cifar10:valid+fog@3", False, True),
        ("cifar10-c/fog@3", False, True),
        ("cifar10.1", False, True),
        ("digits", False, True),
        ("cifar10+uniform@0.1", False, True),
    ],
)
def test_the_own_test_split_is_nominal_and_no_split_of_ones_own_is_shifted(name, nominal, shifted):
    assert (is_nominal(name, "cifar10"), is_shifted(name, "cifar10")) == (nominal, shifted)


def test_a_folder_is_nominal_for_networks_made_for_it():
    assert is_nominal("folder:/a/photos", "folder:/a/photos")
    assert not is_nominal("folder:/a/photos", "folder:/b/photos")


def test_a_set_is_nominal_if_all_its_members_are():
    assert nominal_of(["digits"], "digits") is True
    assert nominal_of(["digits+fog@3", "digits+snow@3"], "digits") is False
    assert nominal_of(["digits", "digits+fog@3"], "digits") is None
    assert nominal_of([], "digits") is None


def test_sets_are_those_of_each_network():
    sets = sets_among(["digits", "digits:valid", "digits+fog@3", "cifar10"])
    assert sets(Variant(dataset="digits")) == {
        "nominal": ["digits"],
        "shifted": ["digits+fog@3", "cifar10"],
        "nominal and shifted": ["digits", "digits+fog@3", "cifar10"],
    }
    assert sets(Variant(dataset="cifar10"))["nominal"] == ["cifar10"]
    assert set(sets(Variant(dataset="voc"))) == {"shifted"}
