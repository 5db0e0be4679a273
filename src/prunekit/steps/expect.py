"""Refuse an import whose measured error differs from the expected one, and name the likely causes."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from prunekit.data.datasets import Dataset
from prunekit.data.preprocessing import Preprocessing, seen
from prunekit.errors import PrunekitError, UsageError
from prunekit.params import ImportParams
from prunekit.steps.context import Context, dataset, examples, nominal_outcomes, view_of
from prunekit.tasks import TASKS

# A tenth of a percentage point, or one image if that is more.
TOLERANCE = 0.001
# Other preprocessings are tried only on test sets of at most this size.
TRIED_IMAGES = 20_000
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALVES = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
PIXELS = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def check_expected(
    params: ImportParams, error: float, model: nn.Module, opened: Dataset, context: Context
) -> None:
    """Raise a :class:`UsageError` unless ``error`` is as expected; it names preprocessing that gives it, if any."""
    if params.expect_error is None:
        return
    count = len(examples(opened.name, context.data, view=view_of(opened)))
    tolerance = max(TOLERANCE, 1 / count) + 1e-9
    if abs(error - params.expect_error) <= tolerance:
        return
    fits = (
        []
        if count > TRIED_IMAGES
        else list(_that_fit(params.expect_error, tolerance, model, opened, context))
    )
    causes = (
        " or ".join(fits)
        if fits
        else (
            "likely causes: its mean and std, its image size, resize and interpolation, the order of its channels or "
            "of its classes (see `prunekit import --help`)"
        )
    )
    raise UsageError(
        f"the network's test error is {error:.4f}, not the expected {params.expect_error:g}; {causes}"
    )


def _that_fit(
    expected: float, tolerance: float, model: nn.Module, opened: Dataset, context: Context
) -> Iterator[str]:
    """The fields with which the network has the expected error."""
    own = dataset(opened.name, context.data)
    current = Preprocessing.of(opened)
    for flags, other in _others(current, Preprocessing.of(own)):
        if other == current:
            continue
        try:
            arrays = nominal_outcomes(context, model, seen(own, other))
        except PrunekitError:
            continue
        error = TASKS[own.task].error(arrays)
        if abs(error - expected) <= tolerance:
            yield f"it is {error:.4f} with {flags}"


def _others(current: Preprocessing, own: Preprocessing) -> Iterator[tuple[str, Preprocessing]]:
    """Other common preprocessings, as command-line flags."""
    for known in (IMAGENET, HALVES, PIXELS, {"mean": own.mean, "std": own.std}):
        values = {name: ",".join(f"{value:.4g}" for value in known[name]) for name in known}
        yield f"--mean {values['mean']} --std {values['std']}", current._replace(**known)
    yield "--channels bgr", current._replace(channels="bgr")
    yield "--interpolation bicubic", current._replace(interpolation="bicubic")
    side = round(min(current.size) * 256 / 224)
    yield f"--resize {side}", current._replace(resize=side)
    yield "--crop squash", current._replace(crop="squash", resize=None)
