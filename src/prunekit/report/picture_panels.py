"""Panels of images: whole, with only the pixels that each network relies on, and those that a network breaks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from prunekit.analysis.labels import LABEL
from prunekit.report.canvas import WIDTH_IN, Panel
from prunekit.report.function_panels import UNPRUNED, role
from prunekit.report.marks import tell
from prunekit.report.plots import shortened
from prunekit.report.select import slug, spread
from prunekit.report.study import Row, Study, reading_order, split
from prunekit.report.words import count, percent

Pixels = np.ndarray[Any, Any]

MOST_RATIOS = 3
CELL_IN = 0.82
MASKED = 150  # a grey between the page's light and dark paper


def kept(study: Study) -> list[Panel]:
    """A panel per method with a row per image: the whole image, then the pixels that each network keeps."""
    return [
        _panel(method, sorted(rows, key=lambda row: row["place"]))
        for method, rows in split(study.kept.rows, LABEL).items()
    ]


def _panel(method: str, rows: Sequence[Row]) -> Panel:
    models = shown([each["model"] for each in rows[0]["kept"]])
    height, width = rows[0]["size"]
    cell = CELL_IN * height / width
    draw = partial(_draw, method, rows, models)
    return Panel(
        slug("features-pictures", method),
        draw,
        0.9 + cell * len(rows),
        0.9 + CELL_IN * (1 + len(models)),
        title=str(method),
        series=str(method),
    )


def shown(models: Sequence[float | str]) -> list[float | str]:
    """The unpruned parent, a few ratios from the smallest to the largest, the separate network."""
    ordered = sorted(set(models), key=reading_order)
    pruned = [model for model in ordered if isinstance(model, float) and model != UNPRUNED]
    few = {UNPRUNED, *spread(pruned, MOST_RATIOS)}
    return [model for model in ordered if isinstance(model, str) or model in few]


def _draw(method: str, rows: Sequence[Row], models: Sequence[float | str], axes: Axes) -> None:
    height, width = rows[0]["size"]
    gap = max(1, width // 10)
    axes.imshow(mosaic(rows, models, gap), interpolation="none")
    columns = ["whole", *map(role, models)]
    axes.set_xticks(_centres(len(columns), width, gap), labels=columns)
    axes.set_yticks(
        _centres(len(rows), height, gap), labels=[shortened(str(row["class"]), 14) for row in rows]
    )
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Pruned by {method}")


def _centres(count: int, side: int, gap: int) -> list[float]:
    return [place * (side + gap) + (side - 1) / 2 for place in range(count)]


def mosaic(rows: Sequence[Row], models: Sequence[float | str], gap: int) -> Pixels:
    """All cells as one picture, RGBA ``[height, width, 4]`` in uint8; the gaps are transparent."""
    lines = [_joined([_whole(row), *(_only(row, model) for model in models)], gap, axis=1) for row in rows]
    return _joined(lines, gap, axis=0)


def _joined(cells: Sequence[Pixels], gap: int, *, axis: int) -> Pixels:
    shape = list(cells[0].shape)
    shape[axis] = gap
    between = np.zeros(shape, dtype=np.uint8)
    parts = [part for cell in cells for part in (between, cell)]
    return np.concatenate(parts[1:], axis=axis)


def _whole(row: Row) -> Pixels:
    rgb = np.array(row["rgb"], dtype=np.uint8).reshape(*row["size"], 3)
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, dtype=np.uint8)])


def _only(row: Row, model: float | str) -> Pixels:
    """The image with the pixels that ``model`` does not keep in grey; all grey if it was not measured."""
    pixels: list[int] = next((each["pixels"] for each in row["kept"] if each["model"] == model), [])
    whole = _whole(row).reshape(-1, 4)
    found = np.full_like(whole, MASKED)
    found[:, 3] = 255
    found[pixels] = whole[pixels]
    return np.asarray(found.reshape(*row["size"], 4))


IN_A_ROW = 4
MOST_LETTERS = 15
# The most characters of a title, and the fewest of a network's name in it: the counts after the name are never cut.
MOST_TITLE, LEAST_NAME = 56, 12
GAP, LINE = 0.36, 0.22  # between broken images, and the height of a line of text below them, in image widths


def broken(study: Study) -> list[Panel]:
    """A panel per distribution, in the order of the pictures: a row of images with both networks' answers."""
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in study.broken.rows:
        panels.setdefault((row["distribution"], row[LABEL]), []).append(row)
    return [_broken_panel(rows) for rows in panels.values()]


def _broken_panel(rows: Sequence[Row]) -> Panel:
    first = rows[0]
    distribution, label = first["distribution"], first[LABEL]
    return Panel(
        slug("broken-images", distribution, label),
        partial(_draw_broken, rows),
        0.5 + WIDTH_IN * _tall(rows) / (IN_A_ROW * (1 + GAP)),
        title=f"{distribution}, {_changed(first)}",
        series=str(label),
    )


def _tall(rows: Sequence[Row]) -> float:
    """The height of an image and the text below it, in image widths."""
    height, width = rows[0]["size"]
    lines = max(under(row).count("\n") + 1 for row in rows)
    return float(height / width + 0.06 + LINE * lines)


def _changed(row: Row) -> str:
    at = f" at {percent(row['ratio'])}" if row["ratio"] is not None else ""
    rest = f"{at}: breaks {row['broken']:,} of {count(row['n'], 'image')}, fixes {row['fixed']:,}"
    return f"{shortened(str(row[LABEL]), max(LEAST_NAME, MOST_TITLE - len(rest)))}{rest}"


def _draw_broken(rows: Sequence[Row], axes: Axes) -> None:
    height, width = rows[0]["size"]
    gap = round(GAP * width)
    image = axes.imshow(_joined([_whole(row) for row in rows], gap, axis=1), interpolation="none")
    for centre, row in zip(_centres(len(rows), width, gap), rows, strict=True):
        axes.text(centre, height + 0.04 * width, under(row), ha="center", va="top", fontsize=9)
    tell(image, str(rows[0][LABEL]), ["; ".join(map(_answers, rows))])
    axes.set_xlim(-gap / 2, IN_A_ROW * (width + gap) - gap / 2)
    axes.set_ylim(_tall(rows) * width, -0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_title(f"{shortened(str(rows[0]['distribution']), 50)}\n{_changed(rows[0])}", fontsize=9)


def _parent_says(row: Row) -> str:
    """The parent's answer, followed by the true class if the two differ (one of several guesses was right)."""
    said = str(row["parent_says"])
    return said if said == row["class"] else f"{said} (true: {row['class']})"


def _answers(row: Row) -> str:
    return f"{_parent_says(row)} → {row['says']}"


def under(row: Row) -> str:
    """Both answers on one line, or on two if the names are long."""
    whole = _answers(row)
    if len(whole) <= MOST_LETTERS:
        return whole
    return f"{shortened(_parent_says(row), MOST_LETTERS)}\n→ {shortened(str(row['says']), MOST_LETTERS - 2)}"
