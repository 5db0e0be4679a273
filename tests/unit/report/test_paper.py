"""Figures for papers: their widths, their fonts, and that they come on request only."""

import re
import struct
from xml.etree import ElementTree

import pytest

from prunekit.errors import UsageError
from prunekit.report.build import write_report
from prunekit.report.format_names import FORMAT_NAMES, read_formats
from prunekit.report.paper import COLUMN_IN, DOTS_PER_INCH, FORMATS, PAGE_IN

POINTS = 72


@pytest.fixture(scope="module")
def figures(few, context, tmp_path_factory):
    churn = [row for row in few if row["finding"] == "churn"]
    page = write_report(churn, context, tmp_path_factory.mktemp("paper"), formats=("svg", "pdf", "png"))
    return page.parent / "figures"


def test_every_panel_is_a_column_wide_and_every_figure_a_page(figures):
    kinds = [f"churn-{width}in.{kind}" for width in (COLUMN_IN, PAGE_IN) for kind in ("pdf", "png", "svg")]
    assert sorted(path.name for path in figures.iterdir()) == sorted(["churn.svg", *kinds])


@pytest.mark.parametrize("width", [COLUMN_IN, PAGE_IN])
def test_files_have_the_width_in_their_name(figures, width):
    pdf = (figures / f"churn-{width}in.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+)", pdf)
    assert float(box[1]) == pytest.approx(width * POINTS, abs=0.5)
    svg = ElementTree.parse(figures / f"churn-{width}in.svg").getroot()
    assert float(svg.get("width").removesuffix("pt")) == pytest.approx(width * POINTS, abs=0.5)
    png = (figures / f"churn-{width}in.png").read_bytes()
    assert struct.unpack(">I", png[16:20])[0] == pytest.approx(width * DOTS_PER_INCH, abs=1)


def test_pdfs_embed_truetype_fonts_and_no_date(figures):
    pdf = (figures / f"churn-{COLUMN_IN}in.pdf").read_bytes()
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf


def test_formats_are_read_in_one_order_and_others_refused():
    assert tuple(FORMATS) == FORMAT_NAMES
    assert read_formats("png, svg") == ("svg", "png")
    assert read_formats("") == ()
    with pytest.raises(UsageError, match="eps is not a figure format: use some of svg, pdf, png"):
        read_formats("eps")
