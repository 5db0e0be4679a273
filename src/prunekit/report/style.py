"""How figures look: one palette that colour-blind readers can tell apart, light and dark, and a marker per method.

Figures are drawn in the light colours. On the page each colour is a CSS variable, so that a figure follows the
reader's light or dark setting; the files keep the light colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from prunekit.report.study import METHODS_FIRST, SEPARATE, Study, reading_order


class Tone(NamedTuple):
    """One colour of the palette: its CSS variable and its value on light and on dark paper."""

    variable: str
    light: str
    dark: str


INK = Tone("--ink", "#1c2126", "#e7e9ec")
MUTED = Tone("--muted", "#5c6670", "#a3adb8")
GRID = Tone("--grid", "#dfe3e7", "#31373e")
PAPER = Tone("--paper", "#ffffff", "#15181c")
ACCENT = Tone("--accent", "#0b62a8", "#6cb8f5")
# Okabe and Ito's colours (2008), some darkened for white paper; their dark counterparts keep hue and order.
SERIES = (
    Tone("--s1", "#0072b2", "#4fb3f2"),
    Tone("--s2", "#d55e00", "#ff944d"),
    Tone("--s3", "#009e73", "#35cfa3"),
    Tone("--s4", "#c0609a", "#eba3cb"),
    Tone("--s5", "#b37a00", "#ffc44d"),
    Tone("--s6", "#3b9bd6", "#a5dafc"),
    Tone("--s7", "#7a6f66", "#c9beb4"),
)
# From the smallest prune ratio to the largest, with increasing contrast to the paper.
RAMP = (
    Tone("--r1", "#e6a63c", "#7c6fd0"),
    Tone("--r2", "#de7f45", "#a76cc9"),
    Tone("--r3", "#c9585f", "#cd70ae"),
    Tone("--r4", "#a83a7c", "#e88287"),
    Tone("--r5", "#7d2a97", "#f3a866"),
    Tone("--r6", "#4b2fa6", "#f7d667"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
TONES = (INK, MUTED, GRID, PAPER, ACCENT, *SERIES, *RAMP)
_VARIABLES = {tone.light: f"var({tone.variable})" for tone in TONES}

# Text is never parsed as mathematics: a label may contain a dollar sign.
RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.parse_math": False,
    "text.color": INK.light,
    "axes.labelcolor": INK.light,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK.light,
    "axes.edgecolor": MUTED.light,
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID.light,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED.light,
    "ytick.color": MUTED.light,
    "xtick.labelcolor": INK.light,
    "ytick.labelcolor": INK.light,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.5,
    "lines.markersize": 5,
    "svg.fonttype": "none",  # text stays text: to be read aloud, found, edited
    "pdf.fonttype": 42,  # TrueType, embedded: venues refuse Type 3
    "pdf.use14corefonts": False,
}


class Look(NamedTuple):
    """How one series is drawn; colour, marker and dash each identify it."""

    label: str
    colour: str
    marker: str
    dash: str = "-"


def method_looks(methods: Iterable[str]) -> dict[str, Look]:
    """A look per method: the paper's four always have the same ones, others take the rest in order of name."""
    others = sorted((name for name in methods if name not in (*METHODS_FIRST, SEPARATE)), key=reading_order)
    names = [*METHODS_FIRST, *others]
    looks = {name: _nth_look(index, name) for index, name in enumerate(names)}
    looks[SEPARATE] = Look("separate network", INK.light, "x", "--")
    return looks


def looks_of(study: Study) -> dict[str, Look]:
    """The look of every label in a study, the same in all its figures."""
    return method_looks(study.labels)


def _nth_look(index: int, label: str) -> Look:
    turn, place = divmod(index, len(SERIES))
    return Look(
        label, SERIES[place].light, MARKERS[(place + turn) % len(MARKERS)], ("-", "-.", ":")[turn % 3]
    )


def ratio_looks(ratios: list[float]) -> dict[float, Look]:
    """A look per prune ratio, spread over the ramp from the smallest to the largest."""
    last = max(len(ratios) - 1, 1)
    places = [round(index * (len(RAMP) - 1) / last) for index in range(len(ratios))]
    return {
        ratio: Look(
            f"{100 * ratio:.3g} %" if ratio else "unpruned", RAMP[place].light, MARKERS[index % len(MARKERS)]
        )
        for index, (ratio, place) in enumerate(zip(ratios, places, strict=True))
    }


def themed(svg: str) -> str:
    """The drawing with every palette colour as its CSS variable."""
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: _VARIABLES.get(found[0], found[0]), svg)


def colour_variables() -> dict[str, str]:
    """The CSS declarations of the palette on ``light`` and on ``dark`` paper."""
    return {
        paper: ";".join(f"{tone.variable}:{getattr(tone, paper)}" for tone in TONES)
        for paper in ("light", "dark")
    }
