"""``features``: which pixels predictions rely on, and whether they transfer between networks."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import FINDING_OPTIONS, command, options, read_fields, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, say
from prunekit.cli.screen import screen
from prunekit.engine.now import make_now
from prunekit.params import FeaturesParams, ReportParams, TransferParams
from prunekit.steps.check import check_comparable, check_missing
from prunekit.store.store import Store
from prunekit.studies.choose import NOISE_CHOICE, check_heat_map, heat_map_share
from prunekit.studies.findings import feature_findings

COLUMNS = (
    *("finding", "label", "row_role", "row_model", "column_role", "column_model"),
    *("kept", "value", "low", "high", "n", "flags"),
)

AT = Annotated[
    float | None,
    typer.Option("--at", help="Share of kept pixels in the heat map (default: 0.1, or the first of --kept)."),
]

features = sub_app()


def _own(given: dict[str, Any]) -> dict[str, Any]:
    """The fields of a report; ``kept`` names the shares that are measured here."""
    return {name: value for name, value in read_fields(ReportParams, given).items() if name != "kept"}


def _features(**given: Any) -> None:
    chosen, names = options(given), given.pop("model")
    at = given.pop("at")
    fields = read_fields(FeaturesParams, given)
    kept = read_fields(TransferParams, given)
    settings = ReportParams.read(_own(given))
    store = Store(chosen.store)
    keys = resolve_all(store, names)
    for key in keys:
        check_comparable(key, keys[0], store)
    check_heat_map(store, keys)
    orders = [FeaturesParams.read(fields | {"model": key}) for key in keys]
    shown = [
        TransferParams.read(kept | {"features": each.key, "model": key}) for each in orders for key in keys
    ]
    check_missing(store, orders)
    with screen() as progress:
        forced = settings_of(chosen, [params.key for params in (*orders, *shown)])
        make_now([*orders, *shown], store, forced, progress, jobs=chosen.jobs, say=say)
    settings = settings.model_copy(update={"kept": heat_map_share(shown, at)})
    emit(feature_findings(store, shown, settings), as_json=chosen.as_json, columns=COLUMNS)


command(
    features,
    _features,
    name="features",
    fields=[FeaturesParams, TransferParams, ReportParams],
    without=["features", "interpolate", "error_seed", *NOISE_CHOICE],
    arguments={"model": (MODEL, REQUIRED), "at": (AT, None)},
    common=FINDING_OPTIONS,
    help="Find the pixels that each network's predictions rely on (BackSelect), and how confident "
    "each network is when it sees only the informative pixels of another. Name the unpruned "
    "parent, pruned networks, and a separate network as control. The exact order needs "
    "524,800 forward passes per 32x32 image; --block and --candidates make it faster.",
    examples=["prunekit features parent retrain-3f separate --images 4 --block 32 --candidates 256"],
)
