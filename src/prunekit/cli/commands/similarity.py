"""``similarity``: how close networks are to a parent as functions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import FINDING_OPTIONS, command, options, read_fields
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, say
from prunekit.cli.screen import screen
from prunekit.engine.now import make_now
from prunekit.errors import UsageError
from prunekit.params import NoiseParams, ReportParams
from prunekit.steps.check import check_names
from prunekit.steps.findings import noise_findings
from prunekit.store import Store

COLUMNS = ("method", "prune_ratio", "metric", "level", "value", "low", "high", "n", "seeds", "flags")
TO = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="PARENT", help="What to compare with (default: the unpruned parent of each model)."
    ),
]

similarity = typer.Typer()


def comparisons(store: Store, keys: list[str], to: str | None, fields: dict[str, Any]) -> list[NoiseParams]:
    """One comparison per model; a model is not compared with itself."""
    target = store.resolve(to) if to is not None else None
    steps = []
    for key in keys:
        record = store.record(key)
        against = target or record.root.key
        if store.record(against).classes != record.classes:
            raise UsageError(f"{key} and {against} tell different classes apart: they cannot be compared")
        if against != key:
            steps.append(NoiseParams.read(fields | {"model": key, "to": against}))
    if not steps:
        raise UsageError(
            "nothing to compare: a network is the same function as itself (name pruned models, or --to)"
        )
    return steps


def _similarity(**given: Any) -> None:
    chosen, names, to = options(given), given.pop("model"), given.pop("to")
    fields = read_fields(NoiseParams, given)
    NoiseParams.read(fields | {"model": "", "to": ""})
    store = Store(chosen.store)
    steps = comparisons(store, resolve_all(store, names), to, fields)
    for params in steps:
        check_names(params)
    with screen() as progress:
        forced = settings_of(chosen, [params.key for params in steps])
        make_now(steps, store, forced, progress, jobs=chosen.jobs, say=say)
    emit(noise_findings(store, steps, ReportParams()), as_json=chosen.as_json, columns=COLUMNS)


command(
    similarity,
    _similarity,
    name="similarity",
    fields=[NoiseParams],
    arguments={"model": (MODEL, REQUIRED), "to": (TO, None)},
    common=FINDING_OPTIONS,
    help="How close networks are to their parent as functions: matching predictions and distances of their outputs on "
    "noisy test images (the paper's protocol by default). Name a separately trained network too: it is the control.",
    examples=[
        "prunekit similarity retrain-3f separate --to parent --images 200 --draws 5",
        "prunekit similarity retrain-3f --levels 0,0.1,0.2 --json | jq 'select(.metric == \"agreement\")'",
    ],
)
