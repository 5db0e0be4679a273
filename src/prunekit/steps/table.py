"""The table of steps: which function makes each kind of result, and which steps are best made together. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from prunekit.params import Params
from prunekit.registry import Lazy, Registry

Run = Callable[[Sequence[Params], Any], None]


class StepRow(NamedTuple):
    """``run(batch, context)`` makes every step of a batch; steps with equal ``group`` share one load or one pass."""

    run: Run
    group: Callable[[Any], str]


def _alone(params: Params) -> str:
    return params.key


def _same_model(params: Any) -> str:
    return f"{params.kind}:{params.model}"


def _same_noise(params: Any) -> str:
    """All but the model: one pass over the noisy images serves every model."""
    return f"noise:{params.model_copy(update={'model': ''}).key}"


RUN: Registry[StepRow] = Registry(
    "step",
    {
        "train": StepRow(Lazy("prunekit.steps.train:run"), _alone),
        "import": StepRow(Lazy("prunekit.steps.bring:run"), _alone),
        "prune": StepRow(Lazy("prunekit.steps.prune:run"), _alone),
        "retrain": StepRow(Lazy("prunekit.steps.retrain:run"), _alone),
        "error": StepRow(Lazy("prunekit.steps.error:run"), _same_model),
        "noise": StepRow(Lazy("prunekit.steps.noise:run"), _same_noise),
        "features": StepRow(Lazy("prunekit.steps.features:run"), _alone),
        "transfer": StepRow(Lazy("prunekit.steps.transfer:run"), _same_model),
    },
)


def group(params: Params) -> str:
    """Steps of one group are best made together by one worker."""
    return RUN[params.kind].group(params)
