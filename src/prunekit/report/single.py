"""One figure of a report by itself, for a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from prunekit.base import files, plotting  # noqa: F401 - before any module that draws
from prunekit.errors import UsageError, unknown
from prunekit.report.canvas import Drawing, render
from prunekit.report.figures import FIGURES, caption_of
from prunekit.report.study import read_study


class Plot(NamedTuple):
    """A figure: its panels as SVG, and the caption that says what is drawn; notebooks display it."""

    drawings: tuple[Drawing, ...]
    caption: str

    def write(self, folder: str | Path) -> list[Path]:
        """Write each panel as an SVG file; returns the files."""
        place = Path(folder)
        files.check_place(place.parent, place.name)
        place.mkdir(parents=True, exist_ok=True)
        found = []
        for drawing in self.drawings:
            path = place / f"{drawing.name}.svg"
            path.write_bytes(drawing.svg)
            found.append(path)
        return found

    def _repr_html_(self) -> str:
        images = "".join(each.svg.decode()[each.svg.decode().index("<svg") :] for each in self.drawings)
        return f"<figure>{images}<figcaption>{self.caption}</figcaption></figure>"

    def __repr__(self) -> str:
        return f"Plot of {len(self.drawings)} panels: {self.caption}"


def draw(rows: Iterable[Mapping[str, Any]], context: Mapping[str, Any], name: str) -> Plot:
    """The figure ``name`` of a report on these rows.

    :class:`UsageError` for an unknown name, and if these rows have nothing for it to draw.
    """
    study = read_study(rows, context)
    if name not in FIGURES:
        raise unknown("figure", name, FIGURES)
    figure = FIGURES[name]
    panels = figure.panels(study) if study.of(figure.needs) else []
    if not panels:
        can = [other for other, each in FIGURES.items() if study.of(each.needs) and each.panels(study)]
        raise UsageError(
            f"these findings cannot draw the figure {name} (they can draw: {', '.join(can) or 'none'})"
        )
    drawings = tuple(render(panel, f"{figure.title}, {panel.title}.") for panel in panels)
    return Plot(drawings, caption_of(figure, study))
