"""A report of a study with missing steps says so on its page, on stderr, in its rows and by its exit code."""

import json

import pytest

from prunekit.store.store import Store


@pytest.fixture
def finished(straight, tmp_path):
    """A finished store that may be changed."""
    store = tmp_path / "store"
    for place, data in straight[0].items():
        (store / place).parent.mkdir(parents=True, exist_ok=True)
        (store / place).write_bytes(data)
    return store


def shifted_of_wt(store):
    """The measurement of the network pruned by weights, on the noisy images."""
    opened = Store(store)
    for key in opened.keys("measurements"):
        step = opened.measurement(key).step.read()
        if key.startswith("error-") and "uniform" in step.distribution:
            methods = [each.params.get("method") for each in opened.record(step.model).lineage]
            if "wt" in methods:
                return opened.path(key)
    raise AssertionError


def report(cli, study, store, out):
    ran = cli("report", "--recipe", study.recipe, "--out", out, store=store)
    return ran, json.loads((out / "findings.json").read_text()), (out / "index.html").read_text()


def test_one_missing_measurement_is_told_everywhere_and_flags_what_lost_it(study, finished, cli, tmp_path):
    whole, rows, page = report(cli, study, finished, tmp_path / "whole")
    assert whole.code == 0
    assert "planned-missing" not in json.dumps(rows)
    assert "incomplete" not in page
    shifted_of_wt(finished).unlink()
    ran, rows, page = report(cli, study, finished, tmp_path / "less")
    said = "1 of 13 planned step is missing: every affected number is flagged"
    assert (ran.code, ran.row["missing"]) == (1, said)
    assert ran.err.endswith(f"prunekit: the report is incomplete: {said}\n")
    assert f"This report is incomplete: {said}." in page
    claims = [row for row in rows if row["finding"] == "claim"]
    assert claims
    assert all("some planned measurements for this number are missing" in row["evidence"] for row in claims)
    flagged = {row["method"] for row in rows if "planned-missing" in (row.get("flags") or [])}
    assert flagged <= {"wt"}  # this study has one shifted set: without it, there is no number to flag


def test_a_run_of_some_stages_reports_what_is_missing(study, forker, tmp_path):
    store, out = tmp_path / "store", tmp_path / "report"
    ran = forker(*study.args(store, "--only", "errors", "--out", out))
    assert ran.code == 1
    assert "the report is incomplete: 2 of 13 planned steps are missing" in ran.text
    assert "planned steps are missing" in (out / "index.html").read_text()
