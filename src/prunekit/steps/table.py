"""The table of steps: one row has everything that the engine needs about a kind of step. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from prunekit.params import (
    ErrorParams,
    FeaturesParams,
    ImportParams,
    NoiseParams,
    Params,
    PruneParams,
    RetrainParams,
    Root,
    TrainParams,
    TransferParams,
)
from prunekit.registry import Lazy, Registry
from prunekit.steps import work
from prunekit.steps.names import (
    check_distribution_of,
    check_method,
    check_nothing,
    check_retraining,
    check_root,
)

if TYPE_CHECKING:
    from prunekit.steps.context import Context

Run = Callable[[Sequence[Params], "Context"], None]
P = TypeVar("P", bound=Params)

LARGEST_BATCH = 64


class StepRow(NamedTuple):
    """One kind of step.

    ``run(batch, context)`` makes every step of a batch. At most ``largest`` steps with equal ``group`` share one load
    or pass (few if results are saved only at the end of a batch, so that an interruption loses little). ``check``
    looks up every name before anything runs. ``work`` counts the images of a step, ``epochs`` its passes (1 if it
    has none); ``rough_seconds`` is the assumed time of one pass if nothing was measured.
    """

    run: Run
    group: Callable[[Params], str]
    check: Callable[[Params], None]
    work: Callable[[Params, work.Known], work.Work]
    epochs: Callable[[Params, Root | None], int]
    rough_seconds: float
    largest: int


def _alone(params: Params) -> str:
    return params.key


def _same_model(params: ErrorParams | TransferParams) -> str:
    return f"{params.kind}:{params.model}"


def _same_noise(params: NoiseParams) -> str:
    """All fields but the model: one pass over the noisy images serves every model."""
    return f"noise:{params.model_copy(update={'model': ''}).key}"


def _row(
    kind: type[P],
    module: str,
    *,
    check: Callable[[P], None],
    work: Callable[[P, work.Known], work.Work],
    group: Callable[[P], str] = _alone,
    epochs: Callable[[P, Root | None], int] = work.one_pass,
    rough_seconds: float = 1.0,
    largest: int = LARGEST_BATCH,
) -> StepRow:
    """A row whose functions take steps of one kind; the engine passes them only steps of that kind."""

    def own(params: Params) -> P:
        if not isinstance(params, kind):
            raise TypeError(f"{params.kind} is no {kind.kind} step")
        return params

    return StepRow(
        run=Lazy(f"prunekit.steps.{module}:run"),
        group=lambda params: group(own(params)),
        check=lambda params: check(own(params)),
        work=lambda params, known: work(own(params), known),
        epochs=lambda params, root: epochs(own(params), root),
        rough_seconds=rough_seconds,
        largest=largest,
    )


RUN: Registry[StepRow] = Registry(
    "step",
    {
        "train": _row(
            TrainParams,
            "train",
            check=check_root,
            work=work.of_training,
            epochs=work.epochs_trained,
            rough_seconds=10.0,
        ),
        "import": _row(ImportParams, "bring", check=check_root, work=work.of_test),
        "prune": _row(PruneParams, "prune", check=check_method, work=work.of_test),
        "retrain": _row(
            RetrainParams,
            "retrain",
            check=check_retraining,
            work=work.of_retraining,
            epochs=work.epochs_retrained,
            rough_seconds=10.0,
        ),
        "error": _row(
            ErrorParams,
            "error",
            check=check_distribution_of,
            work=work.of_error,
            group=_same_model,
            rough_seconds=2.0,
        ),
        "noise": _row(
            NoiseParams,
            "noise",
            check=check_distribution_of,
            work=work.of_noise,
            group=_same_noise,
            rough_seconds=10.0,
            largest=work.NOISE_AT_ONCE,
        ),
        "features": _row(
            FeaturesParams,
            "features",
            check=check_distribution_of,
            work=work.of_features,
            rough_seconds=60.0,
        ),
        "transfer": _row(
            TransferParams,
            "transfer",
            check=check_nothing,
            work=work.of_transfer,
            group=_same_model,
        ),
    },
)


def check_names(params: Params) -> None:
    """Raise a :class:`UsageError` for the first name in ``params`` that is in no table."""
    RUN[params.kind].check(params)


def group(params: Params) -> str:
    """The group of a step; steps of one group are best made together by one worker."""
    return RUN[params.kind].group(params)
