"""What drawings are made of: legends that stay within their figure."""

import re
from functools import partial

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from prunekit.report import plots
from prunekit.report.canvas import HEIGHT_IN, WIDTH_IN, Panel, once, render
from prunekit.report.scales import Scale, percentage
from prunekit.report.style import RC


@pytest.mark.parametrize(
    "names",
    [["a", "b"], ["49.8 %", "75.1 %", "90.2 %", "97 %", "separate network"], ["wt (fine-tune) robust"] * 4],
)
def test_a_legend_takes_as_many_rows_as_its_figure_needs(names):
    with rc_context(RC):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
        axes = figure.subplots()
        for name in names:
            axes.plot([0, 1], [0, 1], marker="o", label=name)
        plots.legend_above(axes)
        figure.draw_without_rendering()
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == names
        assert legend.get_window_extent().x1 <= figure.bbox.x1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("digits+fog@3", "digits+fog@3"),
        ("folder:a-long-name-of-a-folder+elastic_transform@3", "folder:a-long…+elastic_transform@3"),
        ("folder:" + "n" * 40, "folder:nnnnnnnnnn…nnnnnnnnnnnnnnnn"),
    ],
)
def test_long_names_keep_their_shift(text, expected):
    assert plots.shortened(text) == expected


def lined(name, labels):
    def draw(axes):
        for label in labels:
            axes.plot([0, 1], [0, 1], label=label)
        plots.legend_above(axes)

    return render(Panel(name, draw), "lines")


def top(drawing):
    return float(re.search(r'viewBox="0 (\S+) ', drawing.inline)[1])


def test_a_legend_is_on_the_page_once_and_in_every_file():
    first, again, other = once(
        [lined("a", ("wt", "ft")), lined("b", ("wt", "ft")), lined("c", ("wt", "pfp"))]
    )
    assert (top(first), top(other)) == (0, 0)
    assert 5 < top(again) < 40
    assert all(b">ft<" in each.svg for each in (first, again))


def test_panels_of_one_quantity_share_a_span_with_room():
    rows = [{"value": 0.2, "low": 0.1, "high": 0.3}, {"value": 0.5}, {"value": None}]
    assert plots.span_of(rows, Scale("value", "Error", "%", percentage)) == pytest.approx((8.4, 51.6))


def test_a_title_is_where_matplotlib_would_put_it_by_itself():
    def by_itself(axes):
        axes.set_title("A title")

    drawn = [
        render(Panel("titled", draw), "alt").svg for draw in (by_itself, partial(plots.title, text="A title"))
    ]
    assert drawn[0] == drawn[1]
