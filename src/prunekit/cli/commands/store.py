"""``ls``, ``verify``, ``gc``: the store itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.found import other_versions, uncompared
from prunekit.cli.output import emit, say
from prunekit.data.contents import MOST_PUBLISHED_FILES
from prunekit.errors import StoreError
from prunekit.store.store import Store

COLUMNS = ("key", "label", "arch", "dataset", "seed", "method", "prune_ratio", "error", "nonzero", "parent")

ls_, verify, gc = sub_app(), sub_app(), sub_app()


def _ls(**given: Any) -> None:
    chosen, kind = options(given), given["kind"]
    store = Store(chosen.store)
    if kind == "measurements":
        emit(
            (store.measurement(key).row() for key in store.keys(kind)),
            as_json=chosen.as_json,
            quiet=chosen.quiet,
        )
        return
    labels = {key: name for name, key in store.labels().items()}
    rows = ({**store.record(key).row(), "label": labels.get(key)} for key in store.keys("models"))
    emit(rows, as_json=chosen.as_json, quiet=chosen.quiet, columns=COLUMNS)


def _verify(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    found = list(store.problems())
    others = other_versions(store, chosen.data)
    rows = [{"key": problem.key, "path": str(problem.path), "problem": problem.text} for problem in found]
    emit([*rows, *others], as_json=chosen.as_json, columns=("key", "problem"))
    if not found:
        say("every file is whole")
        for name in uncompared(store, chosen.data):
            say(
                f"the images of {name} are not compared: more than {MOST_PUBLISHED_FILES:,} files, checked when they "
                "were got"
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
        raise StoreError(f"{len(others)} results are of other data, code or inputs than are here")


def _advice(damaged: int, strange: int, *, repaired: bool) -> str:
    """What to do about files that cannot be used; only damaged ones are ever removed."""
    parts = [
        f"{damaged} damaged files (`prunekit verify --repair` removes them, so that they are made again)"
        if damaged and not repaired
        else "",
        f"{strange} files that this prunekit cannot read, and leaves alone" if strange else "",
    ]
    return "; ".join(part for part in parts if part)


def _gc(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    left = store.leftovers() if given["dry_run"] else store.clean()
    emit(({"path": str(path), "removed": not given["dry_run"]} for path in left), as_json=chosen.as_json)


command(
    ls_,
    _ls,
    name="ls",
    arguments={
        "kind": (
            Annotated[str, typer.Argument(metavar="[models|measurements]", help="What to list.")],
            "models",
        ),
    },
    common=("store", "as_json", "quiet"),
    help="The models in the store (or the measurements), one row each.",
    examples=["prunekit ls", "prunekit ls --json | jq -r 'select(.method == \"wt\") | .key'"],
)
command(
    verify,
    _verify,
    name="verify",
    arguments={"repair": (Annotated[bool, typer.Option("--repair", help="Remove damaged files.")], False)},
    common=("store", "data", "as_json"),
    help="Read every byte of the store, and compare what its results were made of with the data and the code that are "
    "here; exit 3 when a file is damaged, or results are of others.",
    examples=["prunekit verify", "prunekit verify --repair && prunekit run recipes/quickstart.toml"],
)
command(
    gc,
    _gc,
    name="gc",
    arguments={
        "dry_run": (Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")], False)
    },
    common=("store", "as_json"),
    help="Remove half-written files and the checkpoints of finished steps. While a run works on the store, "
    "half-written files are left.",
    examples=["prunekit gc --dry-run"],
)
