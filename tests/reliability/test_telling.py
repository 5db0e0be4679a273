"""What a run and ``status`` say of a study: what is left, what failed and why, what is being worked on."""

import json
from pathlib import Path

import pytest

from prunekit.store.store import Store


def status(cli, study, store):
    ran = cli("status", study.recipe, store=store)
    return ran.code, {row["key"]: row["state"] for row in ran.rows}


def test_status_says_have_running_failed_or_missing(study, forker, cli, tmp_path):
    store = tmp_path / "store"
    code, states = status(cli, study, store)
    assert (code, set(states.values())) == (1, {"missing"})
    assert forker(*study.args(store, "--until", "parents")).code == 0
    failed, running = [key for key, state in status(cli, study, store)[1].items() if state == "missing"][:2]
    Store(store).log(failed).parent.mkdir()
    Store(store).log(failed).touch()
    with Store(store).claim(running):
        code, states = status(cli, study, store)
    assert code == 1
    assert (states[failed], states[running]) == ("failed", "running")
    assert next(key for key, state in states.items() if state == "have").startswith("train-")
    assert forker(*study.args(store)).code == 0
    code, states = status(cli, study, store)
    assert (code, set(states.values())) == (0, {"have"})


def test_a_failure_is_one_line_with_a_log_and_stops_nothing_else(study, forker, tmp_path):
    store = tmp_path / "store"
    ran = forker(*study.args(store, "--set", "similarity.images=999"))
    assert ran.code == 1
    lines = [line for line in ran.text.splitlines() if line.startswith("failed: noise-")]
    assert len(lines) == 2
    for line in lines:
        assert "images: 999 " in line
        log = Path(line.rpartition("(log: ")[2].rstrip(")"))
        assert "Traceback" in log.read_text()
    assert '"made": 11, "had": 0, "failed": 2' in ran.text
    assert study.check_partial(store) == len(study.expected) - 2


def test_stop_on_failure_is_a_failure_and_no_interruption(study, forker, tmp_path):
    more = ("--set", "similarity.images=999", "--only", "similarity", "--stop-on-failure")
    ran = forker(*study.args(tmp_path / "store", *more))
    assert ran.code == 1, ran.text
    assert "interrupted" not in ran.text


def test_a_dry_run_forecasts_from_a_calibration_and_later_from_what_was_measured(
    study, forker, cli, tmp_path
):
    store = tmp_path / "store"
    args = ("run", study.recipe, "--dry-run")
    first = cli(*args, store=store)  # nothing was measured yet: the machine is timed
    assert first.err.startswith("13 steps to make, ")
    assert " FLOPs, about " in first.err
    assert len(first.rows) == 13
    assert not store.exists()
    assert forker(*study.args(store, "--until", "pruned")).code == 0
    ran = cli(*args, "--jobs", "2", store=store)
    assert ran.err.startswith("5 steps to make, about ")
    assert ran.err.endswith("with --jobs 2\n")
    assert [row["state"] for row in ran.rows].count(
        "make"
    ) == 5  # three nominal outcomes came with their networks


def test_until_and_only_choose_stages(study, cli):
    def stages(*more):
        return {row["stage"] for row in cli("run", study.recipe, "--dry-run", "--no-calibrate", *more).rows}

    assert stages("--until", "pruned") == {"parents", "pruned"}
    assert stages("--only", "similarity") == {"parents", "pruned", "similarity"}
    assert stages("--only", "errors", "--until", "errors") == {"parents", "pruned", "errors"}
    wrong = cli("run", study.recipe, "--until", "prund")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "did you mean 'pruned'?" in wrong.err


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_json_lines_with_json(study, forker, tmp_path, jobs):
    ran = forker(*study.args(tmp_path / "store", "--until", "pruned", "--json", "--jobs", jobs))
    lines = [json.loads(line) for line in ran.text.splitlines()]
    assert [line["event"] for line in lines[:-1]] == ["made"] * 5
    assert [line["done"] for line in lines[:-1]] == [1, 2, 3, 4, 5]
    assert lines[-1] == {"made": 5, "had": 0, "failed": 0}
