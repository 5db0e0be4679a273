import csv
import io
import os
import subprocess
import sys

import matplotlib
import pytest

from prunekit.report.canvas import Panel, render
from prunekit.report.formats import as_csv
from prunekit.report.study import plain


def test_no_text_is_a_formula_to_a_spreadsheet():
    names = ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\tx", "plain"]
    text = as_csv([{"finding": "x", "class": name, "value": -0.5} for name in names])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted(row["class"] for row in rows) == sorted([*(f"'{name}" for name in names[:-1]), "plain"])
    assert {row["value"] for row in rows} == {"-0.5"}


def test_control_characters_of_a_name_are_written_out_and_lines_stay():
    assert plain({"title": "a\x1b[2J\x9b\nb\tc"}) == {"title": "a\\x1b[2J\\x9b\nb\tc"}


def test_a_matplotlibrc_changes_no_figure():
    panel = Panel("p", lambda axes: axes.plot([0, 1], [1, 0]))
    expected = render(panel, "a line").svg
    changed = {"font.size": 30, "xtick.major.size": 20, "text.usetex": True, "figure.subplot.left": 0.5}
    with matplotlib.rc_context(changed):
        assert render(panel, "a line").svg == expected
        assert matplotlib.rcParams["font.size"] == 30


ODD = {
    "pipe": os.mkfifo,
    "no text": lambda path: path.write_bytes(b"\xff\x00\xfe"),
    "another style": lambda path: path.write_text("font.size: 30\nbackend: none such\n"),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("module", ["build", "single"])
def test_a_matplotlibrc_where_a_report_is_written_is_not_even_opened(tmp_path, kind, module):
    ODD[kind](tmp_path / "matplotlibrc")
    program = (
        f"import prunekit.report.{module}, matplotlib, os\n"
        "assert matplotlib.rcParams['font.size'] == 10, matplotlib.rcParams['font.size']\n"
        f"assert os.path.samefile('.', {str(tmp_path)!r})"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_backend_that_the_surroundings_name_is_not_asked_for(tmp_path):
    program = "from prunekit.cli.app import _begin\n_begin()\nimport prunekit.report.build"
    surroundings = os.environ | {"MPLBACKEND": "module://a_notebook", "MATPLOTLIBRC": "/dev/zero"}
    done = subprocess.run([sys.executable, "-c", program], env=surroundings, capture_output=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, b"")
