import pytest

from prunekit.errors import (
    PrunekitDeprecation,
    PrunekitError,
    StoreError,
    UsageError,
    deprecated,
    missing_package,
    unknown,
)


def test_unknown_names_the_thing_the_nearest_match_and_what_is_allowed():
    error = unknown("method", "sip", ["wt", "sipp", "ft"])
    assert str(error) == "unknown method 'sip'; did you mean 'sipp'? (one of: wt, sipp, ft)"


def test_unknown_without_a_near_match_still_lists_what_is_allowed():
    assert str(unknown("method", "zzz", ["wt"])) == "unknown method 'zzz' (one of: wt)"


def test_exit_codes():
    assert [error.exit_code for error in (PrunekitError, UsageError, StoreError)] == [1, 2, 3]


def test_a_deprecated_name_says_what_replaces_it_and_until_when():
    def old():
        deprecated("old", "new", removed_in="0.4")

    with pytest.warns(PrunekitDeprecation, match="old will be removed in prunekit 0.4: use new") as caught:
        old()
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("package", "remedy"),
    [
        ("torch._C", "pip install torch torchvision timm"),
        ("onnxruntime", "pip install 'prunekit[onnx]'"),
        ("elsewhere.part", "pip install elsewhere"),
    ],
)
def test_a_missing_package_names_its_extra(package, remedy):
    assert remedy in str(missing_package(package))
