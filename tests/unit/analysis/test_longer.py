"""The control of longer training by hand: 10 images, the parent wrong on 4, the control on 3, the pruned on 4."""

import numpy as np
import pytest

from prunekit.analysis.curves import Curve, Point, resample
from prunekit.analysis.longer import longer_errors, longer_potentials
from prunekit.analysis.outcome import outcome_of
from prunekit.analysis.variant import Role, Variant

LONGER = "longer"
CONTROL = Variant(Role.LONGER, retraining="lr-rewind")


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
    (found,) = longer_errors(resample(seeds, resamples=200))
    assert (found["finding"], found["role"], found["prune_ratio"]) == ("longer-error", LONGER, 0.0)
    assert found["value"] == pytest.approx(0.2)
    assert found["rise"] == pytest.approx(-0.2)
    assert found["rise_low"] <= -0.2 <= found["rise_high"]
    assert found["models"] == [f"{LONGER}-0", f"{LONGER}-1"]


def test_a_pruned_network_as_good_as_its_parent_has_no_potential_against_a_better_control():
    own, control = (resample([curve("wt", wrong, 4, ratio=0.5)], resamples=200) for wrong in (4, 3))
    assert longer_potentials(own, control=CONTROL, margin=0.0)[0]["value"] == 0.5
    (found,) = longer_potentials(control, control=CONTROL, margin=0.0)
    assert (found["finding"], found["value"]) == ("longer-potential", 0.0)
