"""The table of steps: all that the engine must know of a kind of step, in one row. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from prunekit.params import Params
from prunekit.registry import Lazy, Registry
from prunekit.steps.names import (
    check_distribution_of,
    check_method,
    check_nothing,
    check_retraining,
    check_root,
)

Run = Callable[[Sequence[Params], Any], None]


LARGEST_BATCH = 64


class StepRow(NamedTuple):
    """One kind of step.

    ``run(batch, context)`` makes every step of a batch; steps with equal ``group`` share one load or one pass, at most
    ``largest`` of them (few where all is saved at the end of a batch, so that an interruption loses little). ``check``
    looks up every name before anything runs. ``rough_seconds`` is what a step, or an epoch of it (``by_epoch``), takes
    where nothing was measured.
    """

    run: Run
    group: Callable[[Any], str]
    check: Callable[[Any], None]
    rough_seconds: float = 1.0
    by_epoch: bool = False
    largest: int = LARGEST_BATCH


def _alone(params: Params) -> str:
    return params.key


def _same_model(params: Any) -> str:
    return f"{params.kind}:{params.model}"


def _same_noise(params: Any) -> str:
    """All but the model: one pass over the noisy images serves every model."""
    return f"noise:{params.model_copy(update={'model': ''}).key}"


def _run(module: str) -> Lazy:
    return Lazy(f"prunekit.steps.{module}:run")


RUN: Registry[StepRow] = Registry(
    "step",
    {
        "train": StepRow(_run("train"), _alone, check_root, 10.0, by_epoch=True),
        "import": StepRow(_run("bring"), _alone, check_root),
        "prune": StepRow(_run("prune"), _alone, check_method),
        "retrain": StepRow(_run("retrain"), _alone, check_retraining, 10.0, by_epoch=True),
        "error": StepRow(_run("error"), _same_model, check_distribution_of, 2.0),
        "noise": StepRow(_run("noise"), _same_noise, check_distribution_of, 10.0, largest=8),
        "features": StepRow(_run("features"), _alone, check_distribution_of, 60.0),
        "transfer": StepRow(_run("transfer"), _same_model, check_nothing),
    },
)


def check_names(params: Params) -> None:
    """Raise a :class:`UsageError` for the first name of ``params`` that no table has."""
    RUN[params.kind].check(params)


def group(params: Params) -> str:
    """Steps of one group are best made together by one worker."""
    return RUN[params.kind].group(params)
