import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunekit.distribution import CORRUPTIONS, MIX1, MIX2, Distribution, canonical, parse, unescaped
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
        ("cifar10+fog@6", "severity '6' is not one of 1, 2, 3, 4, 5"),
        ("cifar10+fog", "severity 'missing' is not one of"),
        ("cifar10-c/fog@0", "severity '0'"),
        ("cifar10+uniform@-1", "noise size '-1'"),
        ("cifar10+uniform@inf", "noise size 'inf'"),
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
