import numpy as np
import pytest

from prunekit.analysis.comparison import Asked, comparisons
from prunekit.analysis.paired import Paired
from prunekit.analysis.schema import check_row
from prunekit.analysis.variant import Role, Variant
from prunekit.analysis.verdict import Margin

INT8 = Variant(role=Role.COMPRESSED, method="int8", dataset="photos")


def outcomes(wrong, labels):
    wrong, labels = np.asarray(wrong, dtype=bool), np.asarray(labels)
    return {
        "label": labels.astype(np.int32),
        "predicted": np.where(wrong, (labels + 1) % 10, labels).astype(np.int32),
        "rank": wrong.astype(np.int32),
        "loss": wrong.astype(np.float32) + 0.1,
        "confidence": np.full(len(labels), 0.9, np.float32),
    }


def pair(broken, fixed, n, both=0, distribution="photos", labels=None):
    """The first ``broken`` images are broken, the next ``fixed`` fixed, the next ``both`` wrong for both."""
    place = np.arange(n)
    labels = place % 2 if labels is None else labels
    own = (place < broken) | ((place >= broken + fixed) & (place < broken + fixed + both))
    reference = (place >= broken) & (place < broken + fixed + both)
    return Paired(
        INT8, 0, 0.0, "own", "dense", distribution, outcomes(own, labels), outcomes(reference, labels), None
    )


def only(pairs, margin=0.01, **asked):
    rows = comparisons(pairs, Asked(Margin(margin), **asked))
    for row in rows:
        check_row(row)
    return [row for row in rows if row["finding"] == "comparison"]


@pytest.mark.parametrize(
    ("broken", "fixed", "n", "verdict"),
    [
        (0, 0, 10_000, "within"),
        (30, 30, 10_000, "within"),
        (400, 100, 10_000, "beyond"),
        (200, 100, 10_000, "undecided"),
        (0, 0, 100, "undecided"),  # nothing changed, and nothing is known: 100 images
    ],
)
def test_the_verdict_rests_on_the_interval(broken, fixed, n, verdict):
    (row,) = only([pair(broken, fixed, n)])
    assert row["verdict"] == verdict
    assert row["value"] == pytest.approx((broken - fixed) / n)
    assert (row["broken"], row["fixed"]) == (broken, fixed)
    assert row["low"] < row["high"]


@pytest.mark.parametrize(
    ("both", "among", "flagged"),
    [
        (950, {}, True),  # 95 % wrong of ten classes: it guesses
        (890, {}, True),  # within two standard errors of 90 %
        (870, {}, False),
        (870, {"photos": list("abcdefg")}, True),  # of seven classes
    ],
)
def test_where_the_parent_only_guesses_every_row_says_so(both, among, flagged):
    asked = Asked(Margin(0.02), among=among)
    rows = comparisons([pair(0, 0, 1000, both=both)], asked, classes=list("abcdefghij"))
    assert {row["finding"] for row in rows} == {"comparison", "comparison-slice"}
    assert {"parent-at-chance" in row["flags"] for row in rows} == {flagged}


def test_errors_and_agreement_are_of_the_same_images():
    (row,) = only([pair(30, 10, 1000, both=60)])
    assert (row["parent_error"], row["error"]) == (pytest.approx(0.07), pytest.approx(0.09))
    assert row["agreement"] == pytest.approx(0.96)
    assert row["agreement_low"] < 0.96 < row["agreement_high"]
    assert row["nll"] == pytest.approx(0.19)
    assert row["parent_ece"] == pytest.approx(0.03)


def test_a_relative_margin_is_a_share_of_the_parents_error():
    found = pair(20, 10, 1000, both=190)
    (row,) = comparisons([found], Asked(Margin(0.1, relative=True)))[:1]
    assert (row["limit"], row["relative"]) == (pytest.approx(0.02), True)


def test_a_negative_margin_wants_a_better_network():
    assert only([pair(0, 200, 1000)], margin=-0.1)[0]["verdict"] == "within"
    assert only([pair(0, 0, 1000)], margin=-0.1)[0]["verdict"] == "beyond"


def test_the_worst_class_is_named_with_its_own_verdict():
    labels = np.repeat([0, 1, 2], 1000)
    (row,) = only([pair(300, 0, 3000, labels=labels)])
    assert (row["worst_class"], row["worst_class_rise"]) == ("0", pytest.approx(0.3))
    assert row["worst_class_verdict"] == "beyond"


def test_groups_are_slices_of_their_own_and_images_without_one_belong_to_none():
    groups = {"photos": {"light": np.array(["night"] * 200 + ["day"] * 700 + [""] * 100)}}
    rows = comparisons([pair(100, 0, 1000)], Asked(Margin(0.01), groups=groups))
    found = {row["member"]: row for row in rows if row.get("slice") == "group"}
    assert {name: (row["n"], row["value"]) for name, row in found.items()} == {
        "day": (700, 0.0),
        "night": (200, 0.5),
    }
    assert rows[0]["worst_group"] == "night"


def test_few_images_are_flagged():
    assert only([pair(0, 0, 50)])[0]["flags"] == ["few-images"]
    assert only([pair(0, 0, 500)])[0]["flags"] == []


def test_correcting_for_many_distributions_only_makes_verdicts_more_careful():
    pairs = [pair(20, 12, 2000, distribution=f"photos{place}") for place in range(40)]
    alone = [row["verdict"] for row in only(pairs, margin=0.0105)]
    together = [row["verdict"] for row in only(pairs, margin=0.0105, together=True)]
    assert set(alone) == {"within"}
    assert set(together) == {"undecided"}


def test_segmentation_has_a_verdict_and_no_classes():
    draws = np.random.default_rng(0)
    union = draws.integers(50, 100, (300, 2))
    reference = {"intersection": (union * 0.9).astype(int), "union": union}
    own = {"intersection": (union * 0.5).astype(int), "union": union}
    found = Paired(INT8, 0, 0.0, "own", "dense", "voc", own, reference, None, task="segmentation")
    (row,) = only([found], resamples=200)
    assert row["value"] == pytest.approx(0.4, abs=0.02)
    assert (row["verdict"], row["agreement"], row["worst_class"]) == ("beyond", None, None)


@pytest.mark.parametrize("share", [0.02, 0.2])
def test_at_the_margin_a_false_pass_is_rare(share):
    """Simulated: the true rise is the margin, so that every `within` is false; at most 5 % may be."""
    draws, n, margin, tries = np.random.default_rng(1), 2000, 0.01, 400
    passed = 0
    for _ in range(tries):
        kind = draws.choice(3, n, p=[(share + margin) / 2, (share - margin) / 2, 1 - share])
        order = np.argsort(kind, kind="stable")
        counts = np.bincount(kind, minlength=3)
        assert len(order) == n
        passed += only([pair(int(counts[0]), int(counts[1]), n)], margin=margin)[0]["verdict"] == "within"
    assert passed / tries <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / tries)
