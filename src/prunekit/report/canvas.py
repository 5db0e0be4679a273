"""Drawing one panel to bytes: a vector file, and a themed element for the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from io import StringIO
from types import MappingProxyType
from typing import Any, NamedTuple

from matplotlib import rc_context, rcdefaults, rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from prunekit.report.marks import Meaning, main_values, meanings
from prunekit.report.style import PAPER, RC, themed

WIDTH_IN, HEIGHT_IN = 4.6, 3.3
POINTS_PER_INCH = 72
# How much larger than in print a panel may grow on a wide screen.
PAGE_SCALE = 1.15
# Without dates and program names, equal input makes equal bytes.
_NO_SVG_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


class Panel(NamedTuple):
    """One drawing: ``draw`` fills the axes it is given; ``name`` is unique in a report, sizes are inches.

    ``title`` says what sets it apart from the other panels of its figure; ``series`` is the label of the only network
    that it is about, where there is one; ``left_out`` says what it does not show.
    """

    name: str
    draw: Callable[[Axes], None]
    height: float = HEIGHT_IN
    width: float = WIDTH_IN
    title: str = ""
    series: str = ""
    left_out: str = ""


class Drawing(NamedTuple):
    """One panel drawn: the ``svg`` file and the ``inline`` SVG element of the page.

    ``legend`` has the names in its legend; ``below_legend`` is the ``viewBox`` that cuts the legend off.
    """

    name: str
    svg: bytes
    inline: str
    title: str = ""
    series: str = ""
    legend: tuple[str, ...] = ()
    below_legend: str = ""


@contextmanager
def own_style(salt: str, sizes: Mapping[Any, Any] = MappingProxyType({})) -> Iterator[None]:
    """Use only the report's style: a matplotlibrc in the working or home directory changes no figure."""
    with rc_context():
        rcdefaults()
        rcParams.update({**RC, "svg.hashsalt": salt, **sizes})
        yield


def render(panel: Panel, alt: str) -> Drawing:
    """Draw a panel; its alternative text is ``alt``, which says what it shows, followed by its main values."""
    with own_style(panel.name):
        figure = Figure(figsize=(panel.width, panel.height), dpi=POINTS_PER_INCH)
        figure.set_facecolor(PAPER.light)
        _Canvas(figure)
        axes = figure.subplots()
        panel.draw(axes)
        fit(figure, axes)
        told = _numbered(axes)
        svg = as_svg(figure)
        said = " ".join(filter(None, (alt, main_values(told))))
        inline = _inline(svg.decode(), panel, said, told, _points_per_unit(axes))
        names, cut = _legend(figure)
        below = _view_box(panel, cut)
        return Drawing(panel.name, svg, inline, panel.title, panel.series, names, below)


def once(drawings: Sequence[Drawing]) -> tuple[Drawing, ...]:
    """The drawings of one figure for the page; a legend that repeats an earlier one is cut off."""
    seen: set[tuple[str, ...]] = set()
    shown = []
    for drawing in drawings:
        again = drawing.legend in seen and bool(drawing.legend)
        seen.add(drawing.legend)
        inline = (
            re.sub(r'viewBox="[^"]*"', drawing.below_legend, drawing.inline, count=1)
            if again
            else drawing.inline
        )
        shown.append(drawing._replace(inline=inline))
    return tuple(shown)


def _legend(figure: Figure) -> tuple[tuple[str, ...], float]:
    """The names in the legend above the axes, and how far down from the top it reaches, in points."""
    names = tuple(text.get_text() for legend in figure.legends for text in legend.get_texts())
    measure = VECTOR(1, 1, StringIO(), metadata=_NO_SVG_METADATA)
    lowest = min((legend.get_window_extent(measure).y0 for legend in figure.legends), default=figure.bbox.y1)
    return names, float(figure.bbox.y1 - lowest)


def _view_box(panel: Panel, cut: float = 0.0) -> str:
    """The ``viewBox`` attribute of an element that shows all of the drawing but the top ``cut`` points."""
    width, height = POINTS_PER_INCH * panel.width, POINTS_PER_INCH * panel.height
    return f'viewBox="0 {cut:.4g} {width:g} {height - cut:.5g}"'


def lay_out(figure: Figure) -> None:
    """Place everything in the figure, once for all files of it."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    figure.set_layout_engine("none")


@cache
def _measuring() -> RendererAgg:
    """The renderer that measures texts for the layout of all figures: each text once."""
    measuring: RendererAgg = PIXELS(1, 1, POINTS_PER_INCH)
    return measuring


class _Canvas(FigureCanvasAgg):
    """A canvas for layouts only."""

    def get_renderer(self) -> RendererAgg:
        return _measuring()


PAD_IN = 0.0417  # around the axes and the legend, as much as matplotlib leaves


def fit(figure: Figure, axes: Axes) -> None:
    """Place the only axes of a figure below its legend, as matplotlib's layout does, in one pass instead of two."""
    pad = PAD_IN * figure.dpi
    around: Any = axes.get_tightbbox(_measuring(), for_layout_only=True)
    legend = max((each.get_window_extent().height + 2 * pad for each in figure.legends), default=0.0)
    inner, (width, height) = axes.get_window_extent(), figure.bbox.size
    left, below = inner.x0 - around.x0 + pad, inner.y0 - around.y0 + pad
    right, above = around.x1 - inner.x1 + pad, around.y1 - inner.y1 + pad + legend
    axes.set_position(
        (left / width, below / height, 1 - (left + right) / width, 1 - (below + above) / height)
    )


def _numbered(axes: Axes) -> list[Meaning]:
    """What the marks of the axes mean; each mark carries its place in this list as its id."""
    found = []
    for place, (artist, meaning) in enumerate(meanings(axes)):
        artist.set_gid(f"{_MARK}{place}")
        found.append(meaning)
    return found


def _points_per_unit(axes: Axes) -> float:
    """The length of one unit of the x axis, in the drawing's points; 0 if the axis is not linear."""
    if axes.get_xscale() != "linear":
        return 0.0
    (left, _), (right, _) = axes.transData.transform([(0, 0), (1, 0)])
    return float(right - left)


@lru_cache(maxsize=4096)
def _size_of(text: str, font: FontProperties, mathematics: bool) -> tuple[float, float, float]:
    """Width, height and descent of a text in a vector file: figures have most of their texts in common."""
    width, height, descent = TextToPath().get_text_width_height_descent(text, font, mathematics)
    return width, height, descent


class _Renderer(RendererSVG):
    """Draws to an SVG file, and measures each text once for all of them."""

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        return _size_of(s, prop, bool(ismath))


# matplotlib has no types for what its renderers take.
VECTOR: Any = _Renderer
PIXELS: Any = RendererAgg


# The figure draws itself directly: its own way of saving draws everything twice.
def as_svg(figure: Figure) -> bytes:
    """The figure as an SVG file without dates and program names."""
    width, height = POINTS_PER_INCH * figure.get_size_inches()
    text = StringIO()
    renderer = VECTOR(width, height, text, image_dpi=POINTS_PER_INCH, metadata=_NO_SVG_METADATA)
    figure.draw(renderer)
    renderer.finalize()
    return text.getvalue().encode()


def _inline(svg: str, panel: Panel, alt: str, told: Sequence[Meaning], per_unit: float) -> str:
    """The inline element for an HTML page: no namespaces, unique ids, the page's font and colours, titled marks."""
    body = svg[svg.index("</defs>") + len("</defs>") : svg.rindex("</svg>")]
    body = _with_words(_squeezed(body), told)
    body = re.sub(r"font-family: [^;\"]*", "font-family: inherit", body)
    body = _smaller(body)
    body = re.sub(r"\bid=\"", f'id="{panel.name}-', body).replace("xlink:href=", "href=")
    body = re.sub(r"(href=\"|url\()#", rf"\1#{panel.name}-", body)
    body = body.replace("base64,\n", "base64,")
    size = f'{_view_box(panel)} style="max-width:{PAGE_SCALE * panel.width:.2f}in"'
    moved = f' data-unit="{per_unit:.2f}"' if any("margin" in meaning.data for meaning in told) else ""
    head = f'<svg {size}{moved} role="img" aria-label="{_attribute(alt)}">'
    return head + themed(body) + "</svg>"


_MARK = "mark-"
# A marked artist extends to the next element with an id; every artist has one.
_MARKED = re.compile(rf'<g id="{_MARK}(\d+)">(.*?)(?=<g id="|$)', re.DOTALL)
_USE = re.compile(r"(<use [^>]*?)\s*/>")


def _with_words(body: str, told: Sequence[Meaning]) -> str:
    """The drawing with the series of each mark as an attribute, and the words of each marker as its title."""

    def marked(found: re.Match[str]) -> str:
        meaning = told[int(found[1])]
        told_of = {"series": meaning.series, **meaning.data}
        attributes = "".join(
            f' data-{name}="{_attribute(value)}"' for name, value in told_of.items() if value
        )
        inside = found[2]
        if meaning.words and len(_USE.findall(inside)) == len(meaning.words):
            words = iter(meaning.words)
            inside = _USE.sub(
                lambda use: f"{use[1]}><title>{_attribute(_titled(meaning, next(words)))}</title></use>",
                inside,
            )
        return f"<g{attributes}>{inside}"

    return _MARKED.sub(marked, body)


_PLACES = re.compile(r' (?:d|x|y|width|height|transform)="[^"]*"')
_FINE = re.compile(r"(\.\d\d)\d+")


def _smaller(body: str) -> str:
    """The drawing without what a page does not need: ids of groups, rotations by 0, coordinates finer than 0.01 pt."""
    body = re.sub(r'(<g)\b id="[^"]*"', r"\1", body)
    body = re.sub(r' transform="rotate\(-?0 [^"]*"', "", body)
    return _PLACES.sub(lambda found: _FINE.sub(r"\1", found[0]), body)


def _titled(meaning: Meaning, words: str) -> str:
    return f"{meaning.series}, {words}"


def _squeezed(body: str) -> str:
    return re.sub(r">\s+<", "><", re.sub(r"\s*\n\s*", " ", body)).strip()


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
