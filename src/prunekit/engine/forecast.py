"""The cost of a plan: images that each step trains on and forwards, times the cost of one image. Pure; no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from prunekit.engine.costs import Network, PastCosts, in_words, roots_of
from prunekit.errors import UsageError
from prunekit.params import Params, Root
from prunekit.steps.table import RUN
from prunekit.steps.work import TRAINING_PASSES, Known

Row = dict[str, Any]


class Speed(NamedTuple):
    """Costs per image at the network's input size: forward operations, seconds to train and to forward, pixels."""

    flops: float
    train_seconds: float
    forward_seconds: float
    pixels: int


class Timing(NamedTuple):
    """Speeds of networks, numbers of images by data set and split, and what could not be determined."""

    speeds: Mapping[Network, Speed]
    images: Mapping[str, Mapping[str, int]]
    troubles: tuple[str, ...] = ()


NOTHING = Timing({}, {})


class Foreseen(NamedTuple):
    """Seconds on one worker, and floating-point operations if known."""

    seconds: float
    flops: float | None


class Forecast(NamedTuple):
    """The cost of each step by key, and one line for each cause of an unknown cost."""

    costs: Mapping[str, Foreseen]
    troubles: tuple[str, ...]


def forecast(steps: Mapping[str, Params], costs: PastCosts, calibration: Timing = NOTHING) -> Forecast:
    """Every step's cost: from such steps in this store, else from the calibration, else a rough constant.

    ``steps`` by their keys, parents before children. (A key is a hash: 100,000 of them take seconds.)
    """
    roots = roots_of(steps)
    found: dict[str, Foreseen] = {}
    troubles = dict.fromkeys(calibration.troubles)
    for key, params in steps.items():
        try:
            calibrated = _calibrated(params, roots[key], steps, calibration)
        except UsageError as error:
            troubles[str(error)] = calibrated = None
        flops, seconds = calibrated or (None, None)
        found[key] = Foreseen(costs.seconds(params, roots[key], seconds), flops)
    return Forecast(found, tuple(troubles))


def _calibrated(
    params: Params, root: Params, steps: Mapping[str, Params], calibration: Timing
) -> tuple[float, float] | None:
    """Operations and seconds of a step, from the cost per image; None if the network was not calibrated."""
    if not isinstance(root, Root):
        return None  # a partial plan may lack the root of the lineage
    speed = calibration.speeds.get(Network.of(root))
    if speed is None:
        return None
    work = RUN[params.kind].work(params, Known(root, steps, calibration.images, speed.pixels))
    flops = speed.flops * (TRAINING_PASSES * work.trained + work.forwarded)
    return flops, speed.train_seconds * work.trained + speed.forward_seconds * work.forwarded


def elapsed(steps: Mapping[str, Params], costs: Mapping[str, Foreseen], jobs: int) -> float:
    """The least seconds that ``jobs`` workers need: an even share of the work, or the longest chain of steps."""
    chains: dict[str, float] = {}
    for key, params in steps.items():
        behind = max((chains.get(parent, 0.0) for parent in params.inputs), default=0.0)
        chains[key] = costs[key].seconds + behind
    return max(sum(costs[key].seconds for key in steps) / jobs, max(chains.values(), default=0.0))


def rows(
    todo: Mapping[str, Params], stages: Mapping[str, str], costs: Mapping[str, Foreseen], jobs: int
) -> list[Row]:
    """One row per stage (``stages`` by step key) and a total: FLOPs, and seconds with ``jobs`` workers."""
    groups: dict[str, dict[str, Params]] = {}
    for key, params in todo.items():
        groups.setdefault(stages[key], {})[key] = params
    return [
        *(_row("stage", stage, steps, costs, jobs) for stage, steps in groups.items()),
        _row("total", None, todo, costs, jobs),
    ]


def _row(
    of: str, stage: str | None, steps: Mapping[str, Params], costs: Mapping[str, Foreseen], jobs: int
) -> Row:
    counted = [flops for key in steps if (flops := costs[key].flops) is not None]
    return {
        "forecast": of,
        "stage": stage,
        "steps": len(steps),
        "flops": round(sum(counted)) if len(counted) == len(steps) else None,
        "seconds": round(elapsed(steps, costs, jobs), 3),
        "jobs": jobs,
    }


def sentence(total: Row, *, timed: bool) -> str:
    """A forecast as a sentence; without ``timed`` it says that time was not measured here."""
    facts = [f"{total['steps']} steps to make"]
    if total["steps"] and total["flops"] is not None:
        facts.append(f"{total['flops']:.2g} FLOPs")
    if total["steps"] and timed:
        facts.append(f"about {in_words(total['seconds'])} with --jobs {total['jobs']}")
    elif total["steps"]:
        facts.append("no time forecast: no such step was timed on this machine (--calibrate times it)")
    return ", ".join(facts)
