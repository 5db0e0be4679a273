"""What claims call weight and filter methods is what the table of methods says, for every row and for plugins."""

from types import SimpleNamespace

import pytest

from prunekit.params import PruneParams, ReportParams
from prunekit.pruning.methods import METHODS, Method
from prunekit.studies.findings import all_findings

SETTINGS = ReportParams(margin=0.1, resamples=200)
PLUGINS = {"their-weights": "weight", "their-filters": "filter"}
OWN = tuple(METHODS)


def forget():
    for name in ("_rows", "_points"):
        METHODS.__dict__.pop(name, None)


@pytest.fixture
def plugins(monkeypatch):
    """Two methods of somebody else's, one of either structure."""

    def point(name, structure):
        row = Method(structure, "global", False, dict, dict, "theirs")
        return SimpleNamespace(name=name, value=f"theirs:{structure}", load=lambda: row)

    points = [point(*each) for each in PLUGINS.items()]
    monkeypatch.setattr(
        "prunekit.registry.ENTRY_POINTS", lambda group: points if group == "prunekit.methods" else []
    )
    forget()
    yield
    forget()


def findings(study, methods, settings=SETTINGS):
    """Of each method's network at 50 %: as its parent on the digits, far beyond the margin in fog."""
    steps = [study.outcome(study.parent, name, 4) for name in ("digits", "digits+fog@3")]
    for method in methods:
        params = PruneParams(parent=study.parent.key, method=method, prune_ratio=0.5)
        network = study.model(params, study.parent.lineage, 50)
        steps += [study.outcome(network, "digits", 4), study.outcome(network, "digits+fog@3", 36)]
    return all_findings(study.store, steps, settings)


@pytest.fixture
def rows(study, plugins):
    return findings(study, [*OWN, *PLUGINS])


def test_the_table_says_the_structure_of_every_row(rows):
    found = {row["method"]: row["structure"] for row in rows if row.get("method")}
    assert found == {name: METHODS[name].structure for name in OWN} | PLUGINS


def test_claims_group_every_method_by_the_table(rows):
    """Claim 13 has a contrast per method; claim 10 compares each weight method with each filter method."""
    known = {name: METHODS[name].structure for name in OWN} | PLUGINS
    structures = [*known.values()]
    thirteen = [row["group"] for row in rows if row["finding"] == "contrast" and row["claim"] == 13]
    assert {kind: thirteen.count(f"{kind} methods") for kind in ("weight", "filter")} == {
        kind: structures.count(kind) for kind in ("weight", "filter")
    }
    ten = [row for row in rows if row["finding"] == "contrast" and row["claim"] == 10]
    nominal = [row for row in ten if row["group"].endswith("nominal potential")]
    assert len(nominal) == structures.count("weight") * structures.count("filter")
    said = "\n".join(row["what"] for row in nominal)
    assert all(name in said for name in PLUGINS)


def test_plugins_alone_are_evidence_of_both_kinds(study, plugins):
    claims = {row["claim"]: row for row in findings(study, PLUGINS) if row["finding"] == "claim"}
    assert (claims[10]["lacks"], claims[13]["lacks"]) == ([], [])
