import csv
import io

import matplotlib

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
