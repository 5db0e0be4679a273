"""The benchmarks' table: every program is there and can give its rows, and one of them does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "benchmarks"


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import table

    yield table
    for name in ("table", "measured"):
        sys.modules.pop(name)


def test_every_row_names_a_program_that_gives_rows(table):
    programs = {row.program or name for name, row in table.TABLE.items()}
    assert [name for name in programs if "accepts_json(" not in (HERE / f"{name}.py").read_text()] == []


def test_a_benchmark_becomes_rows(table):
    small = ("--resamples", "100", "--images", "100", "--distributions", "2", "--ratios", "1", "--seeds", "1")
    table.TABLE["bootstrap"] = table.TABLE["bootstrap"]._replace(quick=small)
    rows = list(table.measured("bootstrap", quick=True))
    (whole,) = [row for row in rows if row.what.startswith("findings: all of 4 networks, 2 distributions")]
    parts = [row.ours for row in rows if row.what.endswith(" rows")]
    assert whole.ours == pytest.approx(sum(parts))
    assert all(row.unit for row in rows)


def test_a_failing_benchmark_is_a_row_that_says_so(table, capsys):
    table.TABLE["bootstrap"] = table.TABLE["bootstrap"]._replace(quick=("--no-such-flag",))
    (row,) = table.measured("bootstrap", quick=True)
    assert row.what.startswith("bootstrap did not finish")
    assert "unrecognized arguments" in capsys.readouterr().err


def test_a_line_has_a_cell_per_column(table):
    row = table.Measured("read", 1234.5, "images/s", "a peer", 0.5, 2.0, "≥ 1")
    assert table.line(row) == "| read | 1,234 images/s | a peer | 0.5 images/s | 2.00 | ≥ 1 |"
    assert len(re.findall(r"\|", table.line(table.Measured("x", 1.0, "s")))) == len(table.COLUMNS) + 1


def test_an_unknown_benchmark_is_refused_before_any_runs():
    done = subprocess.run(
        [sys.executable, HERE / "table.py", "nosuch"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "no benchmark 'nosuch'" in done.stderr
