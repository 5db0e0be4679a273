"""``show``: one model, its lineage, its costs, and its measurements."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from prunekit.cli.cells import SHARES, said
from prunekit.cli.commands.steps import REQUIRED, settings_of
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit
from prunekit.params.bounds import LARGEST_BATCH, MOST_REPEATS
from prunekit.progress import SILENT
from prunekit.registry import Lazy
from prunekit.store.store import Store

OPEN_CONTEXT = Lazy("prunekit.steps.make:open_context")
INSPECT = Lazy("prunekit.steps.inspect:inspect")
BATCH = Annotated[
    int | None,
    typer.Option(
        "--batch-size",
        min=1,
        max=LARGEST_BATCH,
        help="With --latency: images per timed forward pass (default: 1).",
    ),
]
LATENCY = Annotated[
    bool,
    typer.Option("--latency", help="Also count multiplications, and time the network on this machine."),
]
REPEATS = Annotated[
    int | None,
    typer.Option(
        "--repeats",
        min=1,
        max=MOST_REPEATS,
        help="With --latency: number of timed passes, after three warm-up passes (default: 20).",
    ),
]

GRAPH = Annotated[
    bool,
    typer.Option(
        "--graph",
        help="List the layers instead: which layers are coupled, and which cannot be pruned and why.",
    ),
]
EXPLAINED = Lazy("prunekit.steps.inspect:explained")

# Fields of a measurement that a line about it does not repeat.
UNSAID = ("kind", "key", "model", "distribution", "task")

show = sub_app()


def _measured(store: Store, key: str) -> list[dict[str, Any]]:
    """The rows of a network's measurements, each checked to the last byte."""
    records = (store.measurement(each) for each in store.keys("measurements"))
    found = [each for each in records if each.step.params.get("model") == key]
    for each in found:
        store.verify(each.key)
    return [each.row() for each in found]


def _lines(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One line per fact, for people."""
    plain = [
        {"fact": name, "value": value, "unit": "share" if name in SHARES else None}
        for name, value in found.items()
        if not isinstance(value, list | dict)
    ]
    steps = [
        {"fact": f"step {number}", "value": _step(step)}
        for number, step in enumerate(found["lineage"], start=1)
    ]
    rows = sorted(found["measurements"], key=lambda row: (row["kind"], *_place(row)))
    measured = [{"fact": row["kind"], "value": _measurement(row)} for row in rows]
    return [*plain, *steps, *measured]


def _step(step: Mapping[str, Any]) -> str:
    return " ".join(
        [step["kind"], *(f"{name}={value}" for name, value in step["params"].items()), f"-> {step['key']}"]
    )


def _place(row: Mapping[str, Any]) -> tuple[int, str]:
    """Sort key of a distribution: the nominal one, whose name is shortest, first."""
    name = str(row.get("distribution", ""))
    return len(name.partition("+")[2]) and 1, name


def _measurement(row: Mapping[str, Any]) -> str:
    """Where it was measured, then its settings and results."""
    rest = {name: value for name, value in row.items() if name not in UNSAID}
    where = f"{row['distribution']}: " if row.get("distribution") else ""
    return f"{where}{said(rest)}"


def _stored(store: Store, key: str) -> dict[str, Any]:
    """What the record says of a network, once its weights and masks are found to be those; loads no torch."""
    store.verify(key)
    record = store.record(key)
    seen = {"preprocessing": record.preprocessing} if record.preprocessing else {}
    return {**record.row(), **seen, "file_bytes": store.path(key).stat().st_size}


def _show(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    keys = resolve_all(store, given["model"])
    if given["graph"]:
        opened = OPEN_CONTEXT(settings_of(chosen), SILENT)
        sys.stdout.writelines(EXPLAINED(key, opened) + "\n" for key in keys)
        return
    batch, repeats = given["batch_size"], given["repeats"]
    timed = given["latency"] or batch is not None or repeats is not None
    context = OPEN_CONTEXT(settings_of(chosen), SILENT) if timed else None
    for key in keys:
        found = _stored(store, key)
        if context is not None:
            found |= INSPECT(key, context, batch=batch or 1, repeats=repeats or 20)
        found["lineage"] = [step.model_dump(mode="json") for step in store.record(key).lineage]
        found["measurements"] = _measured(store, key)
        if chosen.as_json or not sys.stdout.isatty():
            emit([found], as_json=True)
        else:
            emit(_lines(found), columns=("fact", "value"))


command(
    show,
    _show,
    name="show",
    arguments={
        "model": (MODEL, REQUIRED),
        "latency": (LATENCY, False),
        "batch_size": (BATCH, None),
        "repeats": (REPEATS, None),
        "graph": (GRAPH, False),
    },
    common=("store", "data", "device", "threads", "as_json"),
    help="Show one model: lineage, parameters, nonzeros, file size and measurements; with "
    "--latency also its multiplications and its latency on this machine. Masks do not make a "
    "network faster; `prunekit export --shrink` does.",
    examples=[
        "prunekit show small",
        "prunekit show small --graph",
        "prunekit show small --latency --json | jq '{nonzero, latency_ms}'",
    ],
)
