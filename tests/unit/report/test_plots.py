"""What drawings are made of: legends that stay within their figure."""

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from prunekit.report import plots
from prunekit.report.canvas import HEIGHT_IN, WIDTH_IN
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
