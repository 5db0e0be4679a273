"""Drawing one panel to bytes: a vector file for papers, another for print, and a themed one for the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from prunekit.report.style import PAPER, RC, themed

WIDTH_IN, HEIGHT_IN = 4.6, 3.3
POINTS_PER_INCH = 72
# How much larger than in print a panel may grow on a wide screen.
PAGE_SCALE = 1.15
# Without dates and program names, equal input makes equal bytes.
_NO_SVG_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_NO_PDF_METADATA = dict.fromkeys(("CreationDate", "Creator", "Producer"))


class Panel(NamedTuple):
    """One drawing: ``draw`` fills the axes it is given; ``name`` is unique in a report, sizes are inches."""

    name: str
    draw: Callable[[Axes], None]
    height: float = HEIGHT_IN
    width: float = WIDTH_IN


class Drawing(NamedTuple):
    """One panel drawn: ``svg`` and ``pdf`` files, and the ``inline`` SVG element of the page."""

    name: str
    svg: bytes
    pdf: bytes
    inline: str


def render(panel: Panel, alt: str) -> Drawing:
    """Draw a panel; ``alt`` says in words what it shows, for readers who do not see it."""
    with rc_context():
        rcdefaults()  # a matplotlibrc in the working directory or at home changes no figure
        rcParams.update({**RC, "svg.hashsalt": panel.name})
        figure = Figure(figsize=(panel.width, panel.height), dpi=POINTS_PER_INCH, layout="constrained")
        figure.set_facecolor(PAPER.light)
        panel.draw(figure.subplots())
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once: both files share it
        svg = _svg(figure)
        return Drawing(panel.name, svg, _pdf(figure), _inline(svg.decode(), panel, alt))


# The canvases are asked directly: Figure.savefig would draw everything twice.
def _svg(figure: Figure) -> bytes:
    buffer = BytesIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(buffer, metadata=_NO_SVG_METADATA)
    return buffer.getvalue()


def _pdf(figure: Figure) -> bytes:
    buffer = BytesIO()
    canvas: Any = FigureCanvasPdf(figure)
    canvas.print_pdf(buffer, metadata=_NO_PDF_METADATA)
    return buffer.getvalue()


def _inline(svg: str, panel: Panel, alt: str) -> str:
    """The bare element for an HTML page: no namespaces, its own ids, the page's font and colours."""
    body = svg[svg.index("</defs>") + len("</defs>") : svg.rindex("</svg>")]
    body = re.sub(r"font-family: [^;\"]*", "font-family: inherit", body)
    body = re.sub(r"\bid=\"", f'id="{panel.name}-', body).replace("xlink:href=", "href=")
    body = re.sub(r"(href=\"|url\()#", rf"\1#{panel.name}-", body)
    body = body.replace("base64,\n", "base64,")
    width, height = POINTS_PER_INCH * panel.width, POINTS_PER_INCH * panel.height
    size = f'viewBox="0 0 {width:g} {height:g}" style="max-width:{PAGE_SCALE * panel.width:.2f}in"'
    head = f'<svg {size} role="img" aria-label="{_attribute(alt)}">'
    return head + themed(_squeezed(body)) + "</svg>"


def _squeezed(body: str) -> str:
    return re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", body)).strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
