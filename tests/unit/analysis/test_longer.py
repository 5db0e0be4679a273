"""The control of longer training by hand: 10 images, the parent wrong on 4, the control on 3, the pruned on 4."""

import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.longer import Trained, longer_errors, longer_potentials, longer_rises
from prunekit.analysis.outcome import outcome_of
from prunekit.analysis.variant import Role, Variant

LONGER = "longer"
CONTROL = Variant(Role.LONGER, retraining="lr-rewind")


class Training(dict):
    """Every network is retrained for 4 epochs once, unless it is named."""

    def __missing__(self, key):
        return Trained("other" if key.startswith("wt") else CONTROL.id, (4,))


def outcome(wrong):
    rank = (np.arange(10) < wrong).astype(np.int32)
    return outcome_of({"rank": rank, "label": np.zeros(10, np.int32)})


def curve(method, parent, wrong, ratio=0.0, seed=0):
    point = Point(ratio, f"{method}-{seed}", outcome(wrong), ratio or None)
    return Curve(
        variant=CONTROL if method == LONGER else Variant(method=method),
        seed=seed,
        distribution="digits",
        parent=f"parent-{parent}-{seed}",
        parent_outcome=outcome(parent),
        points=(point,),
    )


def test_the_control_s_error_is_beside_its_own_parent_s():
    seeds = [curve(LONGER, 4, 3), curve(LONGER, 4, 1, seed=1)]
    (found,) = longer_errors(
        resample(seeds, resamples=200), Training({f"{LONGER}-0": Trained(CONTROL.id, (4, 4))})
    )
    assert found["rounds"] == [4, 4]
    assert (found["finding"], found["role"], found["prune_ratio"]) == ("longer-error", LONGER, 0.0)
    assert found["value"] == pytest.approx(0.2)
    assert found["rise"] == pytest.approx(-0.2)
    assert found["rise_low"] <= -0.2 <= found["rise_high"]
    assert found["models"] == [f"{LONGER}-0", f"{LONGER}-1"]


def test_a_pruned_network_as_good_as_its_parent_has_no_potential_against_a_better_control():
    own, control = (resample([curve("wt", wrong, 4, ratio=0.5)], resamples=200) for wrong in (4, 3))
    assert longer_potentials(own, Training(), margin=0.0)[0]["value"] == 0.5
    (found,) = longer_potentials(control, Training(), margin=0.0)
    assert (found["finding"], found["value"]) == ("longer-potential", 0.0)
    assert (found["control"], found["fair_at"]) == (CONTROL.id, [0.5])


@pytest.mark.parametrize(
    ("own", "control", "fair"),
    [((4,), (4,), True), ((4, 4), (8,), True), ((4, 4), (4,), False), (None, None, False)],
)
def test_a_control_is_fair_to_networks_that_were_retrained_for_as_many_epochs(own, control, fair):
    curves = resample([curve("wt", 3, 4, ratio=0.5)], resamples=200)
    training = Training({"wt-0": Trained("other", own), "parent-3-0": Trained(CONTROL.id, control)})
    (found,) = longer_rises(curves, training, margin=0.0)
    assert (found["finding"], found["asked"], found["value"]) == ("longer-rise", 0.5, pytest.approx(0.1))
    assert (found["fair"], found["retrained"]) == (fair, sum(own) if own else None)
    assert longer_potentials(curves, training, margin=0.0)[0]["fair_at"] == [0.5] * fair


def judged_by_two_controls(first, second):
    """A cascade of two ratios, wrong on 4 and on 6 of 10 images, each judged by a control of its own."""
    found = curve("wt", first, 4, ratio=0.5)
    points = (
        found.points[0]._replace(control=("once", outcome(first))),
        Point(0.8, "wt-0-0.8", outcome(6), 0.8, ("twice", outcome(second))),
    )
    return resample([found._replace(points=points)], resamples=200)


@pytest.mark.parametrize(
    ("first", "second", "potential"), [(4, 5, 0.5), (3, 5, 0.0), (4, 6, 0.8), (3, 6, 0.8)]
)
def test_each_ratio_is_judged_by_its_own_control(first, second, potential):
    curves = judged_by_two_controls(first, second)
    training = Training(once=Trained("a", (4,)), twice=Trained("b", (4, 4)))
    training["wt-0-0.8"] = Trained("other", (4, 4))
    (found,) = longer_potentials(curves, training, margin=0.0)
    assert (found["value"], found["control"], found["fair_at"]) == (potential, None, [0.5, 0.8])
    rises = longer_rises(curves, training, margin=0.0)
    assert [each["value"] for each in rises] == pytest.approx([(4 - first) / 10, (6 - second) / 10])
    assert [each["control"] for each in rises] == ["a", "b"]
    assert [each["control_retrained"] for each in rises] == [4, 8]
