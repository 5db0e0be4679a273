import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunekit.distribution import CORRUPTIONS, MIX1, MIX2, Distribution, canonical, meant, parse, unescaped
from prunekit.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cifar10", Distribution("cifar10")),
        ("cifar10:valid", Distribution("cifar10", "valid")),
        ("cifar10.1", Distribution("cifar10.1")),
        ("cifar10-c/fog@3", Distribution("cifar10-c", corruption="fog", severity=3, published=True)),
        ("cifar10+fog@3", Distribution("cifar10", corruption="fog", severity=3)),
        ("cifar10+uniform@0.1", Distribution("cifar10", noise=("uniform", 0.1))),
        ("cifar10+mix1", Distribution("cifar10", mixture="mix1")),
        ("folder:/a/b+c/d", Distribution("folder:/a/b+c/d")),
        ("folder:/a/b+fog@3", Distribution("folder:/a/b", corruption="fog", severity=3)),
        ("folder:data:valid+fog@2", Distribution("folder:data", "valid", "fog", 2)),
        ("hf:some/where", Distribution("hf:some/where")),
    ],
)
def test_the_grammar(text, expected):
    assert parse(text) == expected
    assert str(expected) == text


def test_made_and_published_corruptions_are_never_the_same_name():
    assert str(parse("cifar10+fog@3")) != str(parse("cifar10-c/fog@3"))
    assert parse("cifar10+fog@3") != parse("cifar10-c/fog@3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cifar10:tset", "unknown split 'tset'; did you mean 'test'?"),
        ("cifar10+fgo@3", "unknown corruption 'fgo'; did you mean 'fog'?"),
        ("cifar10+jpeg@4", "unknown corruption 'jpeg'; did you mean 'cifar10+jpeg_compression@4'?"),
        ("digits@fog:3", "unknown split '3'; did you mean 'digits+fog@3'?"),
        ("digits:fog@3", "unknown split 'fog@3'; did you mean 'digits+fog@3'?"),
        ("cifar10+fog@6", "severity '6' is not one of 1, 2, 3, 4, 5"),
        ("cifar10+fog", "severity 'missing' is not one of"),
        ("cifar10-c/fog@0", "severity '0'"),
        ("cifar10+uniform@-1", "noise size '-1'"),
        ("cifar10+uniform@inf", "noise size 'inf'"),
        ("cifar10+uniform@1e308", "noise size '1e308' is not a number from 0 to 1,000,000"),
        ("cifar10+uniform@nan", "noise size 'nan'"),
        ("+fog@3", "names no data set"),
        ("", "names no data set"),
    ],
)
def test_wrong_names_are_one_line(text, message):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("folder:photos@fog:3", "folder:photos+fog@3"),
        ("folder:photos@jpeg_compression:3", "folder:photos+jpeg_compression@3"),
        ("folder:photos:fog@5", "folder:photos+fog@5"),
        ("folder:photos@jpg:2", "folder:photos+jpeg_compression@2"),
        ("folder:photos+fog:3", "folder:photos+fog@3"),
        ("folder:photos/fog@3", "folder:photos+fog@3"),
        ("folder:my photos fog 3", "folder:my photos+fog@3"),
        ("folder:photos@Gaussian-Noise=4", "folder:photos+gaussian_noise@4"),
        ("folder:photos@uniform:0.25", "folder:photos+uniform@0.25"),
        ("folder:photos@motion", "folder:photos+motion_blur@3"),
        ("folder:photos@fog:9", "folder:photos+fog@3"),
        ("folder:photos:valid@fog:1", "folder:photos:valid+fog@1"),
        ("cifar10-c/jpeg@3", "cifar10-c/jpeg_compression@3"),
        ("jpeg", "NAME+jpeg_compression@3"),
        ("fgo@2", ""),
        ("folder:photos", ""),
        ("folder:fog", ""),
        ("folder:holiday/snow", ""),
        ("folder:my-snow", ""),
        ("folder:at@home", ""),
        ("digits@3", ""),
        ("blur", ""),  # of which kind?
        ("", ""),
        ("x@fog:3" * 100, ""),
    ],
)
def test_what_is_meant_by_a_shift_behind_another_sign(text, spelling):
    assert meant(text) == spelling
    if "NAME" not in spelling and spelling:
        assert str(parse(spelling)) == spelling


@given(st.text("fogjpeg@+:/- 3.", max_size=60))
def test_what_is_meant_can_always_be_read(text):
    spelling = meant(text, "digits")
    assert not spelling or parse(spelling)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_and_reads_back(text):
    try:
        parsed = parse(text)
    except UsageError:
        return
    assert parse(str(parsed)) == parsed


def test_the_two_mixtures_share_nothing_and_are_all():
    assert sorted(MIX1 + MIX2) == sorted(CORRUPTIONS)
    assert (len(MIX1), len(MIX2)) == (9, 10)


@pytest.mark.parametrize(
    ("text", "path", "rest"),
    [
        ("folder:photos+v2", "photos+v2", {}),
        ("folder:photos%2Bv2", "photos+v2", {}),
        ("folder:photos%2Bfog%403", "photos+fog@3", {}),
        ("folder:photos%2bfog%403+fog@3", "photos+fog@3", {"corruption": "fog", "severity": 3}),
        ("folder:a%3Atest", "a:test", {}),
        ("folder:a%3Atest:valid", "a:test", {"split": "valid"}),
        ("folder:at@home", "at@home", {}),
        ("folder:50%25", "50%", {}),
        ("folder:50%", "50%", {}),
        ("folder:a%252B", "a%2B", {}),
    ],
)
def test_a_path_that_reads_like_something_else_is_written_with_escapes(text, path, rest):
    found = parse(text)
    assert unescaped(found.dataset.partition(":")[2]) == path
    assert {name: getattr(found, name) for name in rest} == rest
    assert (found.corruption is None) == ("corruption" not in rest)
    assert parse(str(found)) == found
    assert canonical(str(found)) == str(found)


def test_of_what_is_wrong_before_the_sign_nothing_is_suggested():
    assert meant("3:3:jpg", "digits") == ""
