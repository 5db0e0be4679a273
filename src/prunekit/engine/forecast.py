"""What a plan will cost: images that each step trains on and forwards, times what one image costs. Pure; no torch.

An image forwarded costs F floating-point operations, one trained on 3 F: the backward pass is two of the forward's
(Kaplan et al. 2020, section 2.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from prunekit.data.datasets import SHIFTED
from prunekit.distribution import parse
from prunekit.engine.costs import PastCosts, in_words, roots_of
from prunekit.errors import UsageError
from prunekit.params import BATCHNORM_IMAGES, REPAIR_IMAGES, Params, Root
from prunekit.steps.table import RUN

TRAINING_PASSES = 3
Row = dict[str, Any]


class Speed(NamedTuple):
    """A network on the images of one data set: operations of a forward pass, seconds of either, pixels; an image's."""

    flops: float
    train_seconds: float
    forward_seconds: float
    pixels: int


class Timing(NamedTuple):
    """Speeds by (architecture, data set), numbers of images by data set and split, and what could not be found out."""

    speeds: Mapping[tuple[str, str], Speed]
    images: Mapping[str, Mapping[str, int]]
    troubles: tuple[str, ...] = ()


# Forward passes over its images that a least-squares repair takes: one a layer, and the fits (33 for resnet20).
REPAIR_PASSES = 33

NOTHING = Timing({}, {})


class Work(NamedTuple):
    """Images that a step trains on, and images that it forwards."""

    trained: float = 0.0
    forwarded: float = 0.0


class Foreseen(NamedTuple):
    """Seconds on one worker, and floating-point operations where they are known."""

    seconds: float
    flops: float | None


@lru_cache
def counted_as(distribution: str) -> tuple[str, str]:
    """The data set and the split that have as many images as a distribution, before any are held out."""
    wanted = parse(distribution)
    return (SHIFTED[wanted.dataset].of if wanted.published else wanted.dataset), wanted.split


class Known(NamedTuple):
    """What the work of a step depends on beside its own fields: its root, other steps of the plan, images, pixels."""

    root: Root
    steps: Mapping[str, Any]
    images: Mapping[str, Mapping[str, int]]
    pixels: int

    def images_of(self, distribution: str) -> float:
        """The images of a distribution; :class:`UsageError` where nobody knows."""
        name, split = counted_as(distribution)
        published, share = self.images.get(name, {}), 1.0
        if split in ("train", "valid") and "valid" not in published:
            held: float = self.root.valid_fraction
            split, share = "train", held if split == "valid" else 1 - held
        if split not in published:
            raise UsageError(f"{name}: nobody knows how many images its {split} split has")
        return published[split] * share

    @property
    def train(self) -> float:
        """Images that the lineage is trained on."""
        return self.images_of(f"{self.root.dataset}:train")

    @property
    def test(self) -> float:
        """Images that every new network is measured on."""
        return self.images_of(str(self.root.dataset))

    @property
    def checked(self) -> float:
        """Images that a newly trained network is measured on: those held out, and the test set."""
        return self.images_of(f"{self.root.dataset}:valid") + self.test


def _train(params: Any, known: Known) -> Work:
    return Work(params.epochs * known.train, known.checked)


def _retrain(params: Any, known: Known) -> Work:
    if params.mode == "none":
        return Work(0, min(BATCHNORM_IMAGES, known.train) + known.checked)
    if params.mode == "least-squares":
        return Work(0, REPAIR_PASSES * min(REPAIR_IMAGES, known.train) + known.checked)
    epochs = params.epochs or known.root.epochs
    done = known.root.kept_epoch or 0 if params.mode == "weight-rewind" else 0
    return Work((epochs - done) * known.train, known.checked)


def _tested(params: Any, known: Known) -> Work:
    return Work(forwarded=known.test)


def _error(params: Any, known: Known) -> Work:
    made_with_the_model = (params.distribution, params.seed) == (known.root.dataset, 0)
    return Work() if made_with_the_model else Work(forwarded=known.images_of(params.distribution))


def _noise(params: Any, known: Known) -> Work:
    passes = sum(params.draws if level else 1 for level in params.levels)
    of_reference = 1 / RUN["noise"].largest  # so many networks share its passes
    return Work(forwarded=params.images * passes * (1 + of_reference))


def _features(params: Any, known: Known) -> Work:
    return Work(forwarded=params.images * feature_passes(known.pixels, params.block, params.candidates))


def _transfer(params: Any, known: Known) -> Work:
    return Work(forwarded=known.steps[params.features].images * len(params.kept))


@lru_cache
def feature_passes(pixels: int, block: int, candidates: int | None) -> int:
    """Forward passes that order the ``pixels`` of one image; a gradient counts as ``TRAINING_PASSES``."""
    passes, left = 1, pixels
    while left > 0:
        tried = min(left, candidates or left)
        passes += tried + (TRAINING_PASSES if tried < left else 0)
        left -= min(block, tried)
    return passes


WORK: dict[str, Callable[[Any, Known], Work]] = {
    "train": _train,
    "import": _tested,
    "prune": _tested,
    "retrain": _retrain,
    "error": _error,
    "noise": _noise,
    "features": _features,
    "transfer": _transfer,
}


class Forecast(NamedTuple):
    """What each step will cost, by key, and in one line each why something is not known."""

    costs: Mapping[str, Foreseen]
    troubles: tuple[str, ...]


def forecast(steps: Mapping[str, Params], costs: PastCosts, calibration: Timing = NOTHING) -> Forecast:
    """Every step's cost: what such steps took in this store, else what the calibration says, else a rough constant.

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
    """Operations and seconds of a step, from what an image costs; None where the network was not calibrated."""
    if not isinstance(root, Root):
        return None  # a plan of some steps need not hold the root of their lineage
    speed = calibration.speeds.get((str(root.arch), str(root.dataset)))
    if speed is None:
        return None
    work = WORK[params.kind](params, Known(root, steps, calibration.images, speed.pixels))
    flops = speed.flops * (TRAINING_PASSES * work.trained + work.forwarded)
    return flops, speed.train_seconds * work.trained + speed.forward_seconds * work.forwarded


def elapsed(steps: Mapping[str, Params], costs: Mapping[str, Foreseen], jobs: int) -> float:
    """Seconds that ``jobs`` workers need at least: an even share of the work, or the longest chain of steps."""
    chains: dict[str, float] = {}
    for key, params in steps.items():
        behind = max((chains.get(parent, 0.0) for parent in params.inputs), default=0.0)
        chains[key] = costs[key].seconds + behind
    return max(sum(costs[key].seconds for key in steps) / jobs, max(chains.values(), default=0.0))


def rows(
    todo: Mapping[str, Params], stages: Mapping[str, str], costs: Mapping[str, Foreseen], jobs: int
) -> list[Row]:
    """One row per stage (``stages`` by the step's key), and one in total: FLOPs, and seconds with ``jobs`` workers."""
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
    """A forecast as a person reads it; without ``timed`` there is nothing to say of time."""
    facts = [f"{total['steps']} steps to make"]
    if total["steps"] and total["flops"] is not None:
        facts.append(f"{total['flops']:.2g} FLOPs")
    if total["steps"] and timed:
        facts.append(f"about {in_words(total['seconds'])} with --jobs {total['jobs']}")
    return ", ".join(facts)
