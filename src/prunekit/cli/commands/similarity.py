"""``similarity``: how close networks are to a parent as functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from prunekit.cli import ignored
from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import FINDING_OPTIONS, Options, command, options, read_fields, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, say
from prunekit.cli.screen import screen
from prunekit.engine.now import make_now
from prunekit.errors import UsageError
from prunekit.params import NoiseParams, Params, ReportParams
from prunekit.params.bounds import LARGEST_SEED
from prunekit.steps.check import check_missing
from prunekit.store.store import Store
from prunekit.studies.choose import NOISE_CHOICE, comparisons, outcomes_for_churn
from prunekit.studies.findings import hidden_findings, noise_findings

COLUMNS = ("label", "asked", "model", "metric", "level", "value", "low", "high", "n", "seeds", "flags")
CHURN_COLUMNS = (
    *("label", "asked", "model", "distribution", "value", "low", "high", "broken", "fixed"),
    *("net", "net_low", "net_high", "mcnemar", "n", "seeds", "flags"),
)
TO = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="PARENT",
        help="The network to compare with (default: the unpruned parent of each model).",
    ),
]
CHURN = Annotated[
    bool,
    typer.Option(
        "--churn",
        help="Compare predictions without noise instead: which ones changed on the nominal test set "
        "and on --distribution.",
    ),
]

BOOTSTRAP_SEED = Annotated[
    int, typer.Option("--bootstrap-seed", min=0, max=LARGEST_SEED, help="Seed of the bootstrap.")
]

similarity = sub_app()


def _check_for_churn(fields: dict[str, Any]) -> None:
    noisy = [f"--{name.replace('_', '-')}" for name in fields if name != "distribution"]
    if noisy:
        raise UsageError(
            f"--churn compares stored predictions without noise: omit {', '.join(noisy)} (it takes "
            "--to and --distribution)"
        )


def _own(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a report; ``seed`` is that of the noise here."""
    return read_fields(ReportParams, given) | {"seed": given.pop("bootstrap_seed")}


def _similarity(**given: Any) -> None:
    chosen, names, to, churn = options(given), given.pop("model"), given.pop("to"), given.pop("churn")
    ignored.check(ignored.SIMILARITY, given | {"churn": churn})
    settings = ReportParams.read(_own(given))
    fields = read_fields(NoiseParams, given)
    NoiseParams.read(fields | {"model": "", "to": ""})
    if churn:
        _check_for_churn(fields)
    store = Store(chosen.store)
    target = store.resolve(to) if to is not None else None
    steps = comparisons(store, resolve_all(store, names), target, fields)
    check_missing(store, steps)
    if churn:
        _print_churn(store, steps, chosen, settings)
        return
    _make(store, steps, chosen)
    emit(noise_findings(store, steps, settings), as_json=chosen.as_json, columns=COLUMNS)


def _print_churn(store: Store, steps: Sequence[NoiseParams], chosen: Options, settings: ReportParams) -> None:
    errors = outcomes_for_churn(store, steps, settings.error_seed)
    _make(store, errors, chosen)
    against = {step.model: step.to for step in steps}
    rows = hidden_findings(store, errors, settings, only=["churn"], to=lambda record: against.get(record.key))
    if not rows:
        raise UsageError("--churn compares predicted classes, but these networks segment images")
    emit(rows, as_json=chosen.as_json, columns=CHURN_COLUMNS)


def _make(store: Store, steps: Sequence[Params], chosen: Options) -> None:
    with screen() as progress:
        forced = settings_of(chosen, [params.key for params in steps])
        make_now(steps, store, forced, progress, jobs=chosen.jobs, say=say)


command(
    similarity,
    _similarity,
    name="similarity",
    fields=[NoiseParams, ReportParams],
    without=["interpolate", "kept", *NOISE_CHOICE],
    arguments={
        "model": (MODEL, REQUIRED),
        "to": (TO, None),
        "churn": (CHURN, False),
        "bootstrap_seed": (BOOTSTRAP_SEED, 0),
    },
    common=FINDING_OPTIONS,
    help="Measure how close networks are to their parent as functions: matching predictions and "
    "distances of outputs on noisy test images (the paper's protocol by default). Also name "
    "a separately trained network as control. With --churn: changed predictions on clean "
    "test images, from stored outcomes, without running a model again.",
    examples=[
        "prunekit similarity retrain-3f separate --to parent --images 200 --draws 5",
        "prunekit similarity retrain-3f --levels 0,0.1,0.2 --json | jq 'select(.metric == \"agreement\")'",
        "prunekit similarity retrain-3f separate --to parent --churn --distribution digits+fog@3",
    ],
)
