"""Claims of stored outcomes: more is drawn where a verdict hinges on how many draws there are, and there alone."""

from itertools import product

import pytest

from prunekit.params import PruneParams, ReportParams
from prunekit.studies import findings

FOG = "digits+fog@3"


@pytest.fixture
def steps(study):
    """At 20 and 50 % networks of a filter method are as their parent, those of a weight method far beyond the margin."""
    study.n = 400
    found = [study.outcome(study.parent, name, 40) for name in ("digits", FOG)]
    for (method, wrong), ratio in product((("wt", 360), ("ft", 40)), (0.2, 0.5)):
        params = PruneParams(parent=study.parent.key, method=method, prune_ratio=ratio)
        network = study.model(params, study.parent.lineage, round(100 * (1 - ratio)))
        found += [study.outcome(network, name, wrong) for name in ("digits", FOG)]
    return found


def judged(study, steps, resamples):
    rows = findings.all_findings(study.store, steps, ReportParams(margin=0.1, resamples=resamples))
    (claim,) = [row for row in rows if row["finding"] == "claim" and row["claim"] == 10]
    return claim["verdict"], {row["draws"] for row in rows if row["finding"] == "contrast"}


def test_a_hundred_draws_decide_nothing_and_more_are_made(study, steps):
    """None of 100 draws stands for at most 4.5 %, of 400 for 1.1, of 1,600 for 0.3; four contrasts share 2.5 %."""
    assert judged(study, steps, 100) == ("does not hold", {1600})


def test_where_nothing_hinges_on_the_draws_there_are_as_many_as_asked_for(study, steps):
    assert judged(study, steps, 1000) == ("does not hold", {1000})


def test_a_study_too_large_for_more_draws_cannot_tell(study, steps, monkeypatch):
    monkeypatch.setattr(findings, "MOST_DRAWN", 100)
    assert judged(study, steps, 100) == ("cannot tell", {100})
