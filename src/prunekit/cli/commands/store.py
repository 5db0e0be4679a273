"""``ls``, ``verify``, ``gc``: the store itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from prunekit.cli.commands.steps import REQUIRED
from prunekit.cli.flags import Options, command, options, sub_app
from prunekit.cli.found import other_versions, uncompared
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit, say
from prunekit.data.contents import MOST_PUBLISHED_FILES
from prunekit.errors import StoreError, unknown
from prunekit.store.removal import by_lineage, disk_use, drop_weights, droppable, removal, remove
from prunekit.store.store import Store

COLUMNS = (
    "key",
    "label",
    "method",
    "prune_ratio",
    "error",
    "parent",
    "seed",
    "arch",
    "dataset",
    "nonzero",
    "file_bytes",
)
KINDS = ("models", "measurements", "disk")

ls_, verify, gc, rm = sub_app(), sub_app(), sub_app(), sub_app()

DRY = Annotated[bool, typer.Option("--dry-run", help="Only list what would be removed.")]
WEIGHTS = Annotated[
    list[str] | None,
    typer.Option(
        "--weights", metavar="KEEP", help="Drop the weights of all networks except this one; may be repeated."
    ),
]
DESCENDANTS = Annotated[bool, typer.Option("--descendants", help="Also remove all networks made from these.")]


def _ls(**given: Any) -> None:
    chosen, kind = options(given), given["kind"]
    if kind not in KINDS:
        raise unknown("kind of list", kind, KINDS)
    store = Store(chosen.store)
    if kind == "disk":
        emit(disk_use(store), as_json=chosen.as_json)
        return
    if kind == "measurements":
        emit(
            (store.measurement(key).row() for key in store.keys(kind)),
            as_json=chosen.as_json,
            quiet=chosen.quiet,
        )
        return
    labels = {key: name for name, key in store.labels().items()}
    records = {key: store.record(key) for key in store.keys("models")}
    rows = (
        {**records[key].row(), "label": labels.get(key), "file_bytes": store.path(key).stat().st_size}
        for key in by_lineage(records)
    )
    emit(rows, as_json=chosen.as_json, quiet=chosen.quiet, columns=COLUMNS)


def _verify(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    found = list(store.problems())
    others = other_versions(store, chosen.data)
    rows = [{"key": problem.key, "path": str(problem.path), "problem": problem.text} for problem in found]
    emit([*rows, *others], as_json=chosen.as_json, columns=("key", "problem"), nothing="")
    if not found:
        say("all files are intact")
        for name in uncompared(store, chosen.data):
            say(
                f"the images of {name} are not compared: they are more than {MOST_PUBLISHED_FILES:,} "
                "files, which were checked when they were downloaded"
            )
        _refuse(others)
        return
    damaged = [problem for problem in found if problem.damaged]
    if given["repair"]:
        say(f"removed {store.repair(found)} damaged files: run the recipe again to make them")
    if not given["repair"] or len(damaged) < len(found):
        raise StoreError(_advice(len(damaged), len(found) - len(damaged), repaired=given["repair"]))


def _refuse(others: Sequence[Mapping[str, str]]) -> None:
    """Whole files that do not fit what is here are no damage, and nothing to rely on either."""
    if others:
        raise StoreError(
            f"{len(others)} results were made from data, code or inputs that differ from those here"
        )


def _advice(damaged: int, strange: int, *, repaired: bool) -> str:
    """What to do about files that cannot be used; only damaged ones are ever removed."""
    parts = [
        f"{damaged} damaged files (`prunekit verify --repair` removes them; then run the recipe again)"
        if damaged and not repaired
        else "",
        f"{strange} files that this version of prunekit cannot read and does not touch" if strange else "",
    ]
    return "; ".join(part for part in parts if part)


def _rm(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    found = removal(store, resolve_all(store, given["model"]), descendants=given["descendants"])
    if not given["dry_run"]:
        remove(store, found)
    emit(
        [{"key": key, "removed": not given["dry_run"]} for key in (*found.models, *found.measurements)],
        as_json=chosen.as_json,
    )


def _drop(store: Store, keep: Sequence[str], chosen: Options, *, dry_run: bool) -> None:
    """Take weights out of the store, all but those of the networks to keep."""
    keys = droppable(store, [store.resolve(name) for name in keep])
    freed = [store.path(key).stat().st_size for key in keys]
    if not dry_run:
        drop_weights(store, keys)
    rows = (
        {"key": key, "path": str(store.path(key)), "removed": not dry_run, "bytes": size}
        for key, size in zip(keys, freed, strict=True)
    )
    emit(rows, as_json=chosen.as_json)


def _gc(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    if given["weights"]:
        _drop(store, given["weights"], chosen, dry_run=given["dry_run"])
        return
    left = store.leftovers() if given["dry_run"] else store.clean()
    emit(({"path": str(path), "removed": not given["dry_run"]} for path in left), as_json=chosen.as_json)


command(
    ls_,
    _ls,
    name="ls",
    arguments={
        "kind": (
            Annotated[str, typer.Argument(metavar=f"[{'|'.join(KINDS)}]", help="Which list.")],
            "models",
        ),
    },
    common=("store", "as_json", "quiet"),
    help="List the models in the store, each after the model that it was made from; or the "
    "measurements; or disk usage by model and kind.",
    examples=[
        "prunekit ls",
        "prunekit ls disk",
        "prunekit ls --json | jq -r 'select(.method == \"wt\") | .key'",
    ],
)
command(
    verify,
    _verify,
    name="verify",
    arguments={"repair": (Annotated[bool, typer.Option("--repair", help="Remove damaged files.")], False)},
    common=("store", "data", "as_json"),
    help="Read every byte of the store, and compare the data and the code that its results were "
    "made from with those here. Exits 3 if a file is damaged or a result was made from other "
    "data or code.",
    examples=["prunekit verify", "prunekit verify --repair && prunekit run recipes/quickstart.toml"],
)
command(
    gc,
    _gc,
    name="gc",
    arguments={
        "dry_run": (DRY, False),
        "weights": (WEIGHTS, None),
    },
    common=("store", "as_json"),
    help="Remove half-written files and the checkpoints of finished steps. With --weights, drop "
    "instead the weights of all networks except those named; records, outcomes and reports "
    "stay, and a run recomputes the weights that it needs. During a run on the store, "
    "half-written files and the networks in use are kept.",
    examples=["prunekit gc --dry-run", "prunekit gc --weights dense --weights small"],
)
command(
    rm,
    _rm,
    name="rm",
    arguments={"model": (MODEL, REQUIRED), "descendants": (DESCENDANTS, False), "dry_run": (DRY, False)},
    common=("store", "as_json"),
    help="Remove networks from the store, with their labels, their measurements and their "
    "imported files. Networks made from them are removed only with --descendants.",
    examples=["prunekit rm small --dry-run", "prunekit rm dense --descendants"],
)
