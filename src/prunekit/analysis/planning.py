"""What a planned study will be able to decide, as rows: rises in error, steps of a potential, several at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from prunekit.analysis.estimate import plain
from prunekit.analysis.outcome import Array
from prunekit.analysis.power import (
    POWER,
    USUAL_DISCORDANCE,
    Rates,
    each_of,
    images_needed,
    power,
    seeds_needed,
    smallest_rise,
)
from prunekit.analysis.together import chance_of_all
from prunekit.analysis.verdict import Verdict

Row = dict[str, Any]
NEVER = (
    "no number of images can decide this: the rise is too close to the margin, or the "
    "networks differ too much"
)
MORE_SEEDS = "more seeds than a hundred"
MOST_SIZES = 4


class Plan(NamedTuple):
    """A plan: the allowed rise, numbers of images and seeds to try, and the wanted chance of a decision.

    All ``comparisons`` must be decided, like those of a claim; ``step`` is the wanted resolution of a potential.
    """

    margin: float
    images: Sequence[int]
    seeds: Sequence[int]
    wanted: float = POWER
    comparisons: int = 1
    step: float | None = None

    @property
    def each(self) -> float:
        """The chance of a decision that each single comparison needs."""
        return each_of(self.comparisons, self.wanted)


def rise_rows(named: Mapping[str, Any], rates: Rates, plan: Plan) -> list[Row]:
    """How likely each number of images and seeds is to decide a rise, and how many are needed."""
    return [
        {
            "what": "rise",
            **named,
            "broken": plain(rates.broken),
            "fixed": plain(rates.fixed),
            "rise": plain(rates.rise),
            "between": plain(rates.between),
            "margin": plan.margin,
            "verdict": (Verdict.WITHIN if rates.rise <= plan.margin else Verdict.BEYOND).value,
            "n": n,
            "seeds": seeds,
            "comparisons": plan.comparisons,
            "power": plain(power(rates, n=n, margin=plan.margin, seeds=seeds) ** plan.comparisons),
            **_needed(rates, plan, n, seeds),
        }
        for n in plan.images
        for seeds in plan.seeds
    ]


def _needed(rates: Rates, plan: Plan, n: int, seeds: int) -> Row:
    images = images_needed(rates, margin=plan.margin, seeds=seeds, wanted=plan.each)
    several = seeds_needed(rates, n=n, margin=plan.margin, wanted=plan.each) if rates.between else None
    flags = [NEVER] if images is None else [MORE_SEEDS] if rates.between and several is None else []
    return {"images_needed": images, "seeds_needed": several, "flags": flags}


def smallest_rows(plan: Plan, discordance: float = USUAL_DISCORDANCE, between: float = 0.0) -> list[Row]:
    """The smallest rise that each number of images and seeds shows to be beyond the margin."""
    return [
        {
            "what": "smallest rise",
            "discordance": discordance,
            "between": between,
            "margin": plan.margin,
            "verdict": Verdict.BEYOND.value,
            "n": n,
            "seeds": seeds,
            "comparisons": plan.comparisons,
            "power": plan.wanted,
            "rise": None
            if (found := _smallest(plan, discordance, between, n, seeds)) is None
            else plain(found),
        }
        for n in plan.images
        for seeds in plan.seeds
    ]


def _smallest(plan: Plan, discordance: float, between: float, n: int, seeds: int) -> float | None:
    return smallest_rise(
        n=n, discordance=discordance, margin=plan.margin, wanted=plan.each, between=between, seeds=seeds
    )


def step_rows(named: Mapping[str, Any], curve: Sequence[tuple[float, Rates]], plan: Plan) -> list[Row]:
    """The chance that a potential is known to one grid step: within the margin at its ratio, beyond it at the next.

    ``curve`` holds the rates at each prune ratio, by rising ratio. The two verdicts are taken to be independent
    although they share images. ``ratios_needed`` more ratios would make the step as fine as the plan wants it.
    """
    reached = [place for place, (_, rates) in enumerate(curve) if rates.rise <= plan.margin]
    last = reached[-1] if reached else -1
    sides = [curve[place] for place in (last, last + 1) if 0 <= place < len(curve)]
    below, above = (
        (curve[last][0] if reached else 0.0),
        (curve[last + 1][0] if last + 1 < len(curve) else 1.0),
    )
    needed = [
        images_needed(rates, margin=plan.margin, wanted=plan.each ** (1 / len(sides))) for _, rates in sides
    ]
    return [
        {
            "what": "potential step",
            **named,
            "margin": plan.margin,
            "potential": plain(below),
            "next_ratio": plain(above),
            "n": n,
            "power": plain(_both(sides, n, plan)),
            "images_needed": None if None in needed or not needed else max(needed),  # type: ignore[type-var]
            "ratios_needed": _ratios(above - below, plan.step),
            "flags": [NEVER] if None in needed else [],
        }
        for n in plan.images
    ]


def _both(sides: Sequence[tuple[float, Rates]], n: int, plan: Plan) -> float:
    chance = 1.0
    for _, rates in sides:
        chance *= power(rates, n=n, margin=plan.margin)
    return float(chance**plan.comparisons)


def all_rows(values: Sequence[Sequence[Array]], plan: Plan, images: Sequence[int]) -> list[Row]:
    """The chance that one study of these networks decides all rises of a pilot, by number of images.

    ``values`` holds, for each set of test images, which of them every network breaks and fixes (``together.py``).
    """
    return [
        {
            "what": "all at once",
            "margin": plan.margin,
            "n": n,
            "seeds": 1,
            "comparisons": sum(map(len, values)),
            "power": plain(math.prod(chance_of_all(each, n=n, margin=plan.margin) for each in values)),
            "flags": [],
        }
        for n in images
        if sum(map(len, values)) > 1
    ]


def _ratios(gap: float, step: float | None) -> int | None:
    """How many more ratios between two of the grid leave no gap larger than ``step``."""
    return None if step is None else max(0, -int(-(gap - 1e-9) // step) - 1)


def decides(images: Iterable[int]) -> str:
    """One line: the smallest rise that each number of test images shows in 80 of 100 cases; empty for no numbers."""
    found = [
        f"n = {n:,}: {'no rise' if rise is None else f'a rise of {100 * rise:.1f} points'}"
        for n in sorted(set(images))
        for rise in [smallest_rise(n=n)]
    ]
    shown = found if len(found) <= MOST_SIZES else [found[0], "...", found[-1]]
    chance, share = f"{100 * POWER:.0f} %", f"{100 * USUAL_DISCORDANCE:.0f} %"
    return (
        f"it can show (with probability {chance} if {share} of the images differ) {'; '.join(shown)}"
        if found
        else ""
    )
