"""``outcomes add|export``: import predictions made elsewhere, export per-example outcomes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from prunekit.base import files
from prunekit.cli.commands.potential import DISTRIBUTION
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.models import MODEL, resolve_all
from prunekit.cli.output import emit
from prunekit.data.predictions.files import READERS
from prunekit.data.predictions.outcomes import Scores
from prunekit.data.predictions.read import NAMES, Asked, read
from prunekit.errors import UsageError, unknown
from prunekit.params.bounds import LARGEST_SEED
from prunekit.steps.predicted import SCORES, Known, add, names_in
from prunekit.store.store import Store
from prunekit.studies.subject import measurements_of

app = sub_app(
    no_args_is_help=True, help="Import predictions made elsewhere, and export per-example outcomes."
)

FILE = Annotated[
    Path, typer.Argument(metavar="FILE", help=f"Predictions: {', '.join(READERS)}.", show_default=False)
]
NAME = Annotated[
    str, typer.Option("--model", metavar="NAME", help="Name of the network; it becomes its label.")
]
ON = Annotated[
    str,
    typer.Option(
        "--distribution", metavar="NAME", help="Name of the set of examples, such as imagenet or night."
    ),
]
PARENT = Annotated[
    str | None, typer.Option("--parent", metavar="MODEL", help="The network from which it was made.")
]
METHOD = Annotated[
    str | None, typer.Option("--method", metavar="NAME", help="With --parent: how it was made smaller.")
]
RATIO = Annotated[
    float | None,
    typer.Option("--prune-ratio", metavar="FLOAT", help="With --parent: its prune ratio, in (0, 1)."),
]
SEED = Annotated[
    int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Which repetition of the same training it is.")
]
DATASET = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME",
        help="Its nominal distribution (default: that of the first file).",
        show_default=False,
    ),
]
COLUMNS = Annotated[
    str | None,
    typer.Option(
        "--columns", metavar="ROLE=NAME,...", help=f"Columns with unusual names; roles: {', '.join(NAMES)}."
    ),
]
SCORES_ARE = Annotated[
    str | None,
    typer.Option(
        "--scores",
        metavar="logits|probabilities",
        help="Kind of the scores, if the column names do not say it.",
    ),
]
LABELS = Annotated[
    Path | None, typer.Option("--labels", metavar="FILE", help="Read the true labels from this .npy file.")
]
CLASSES = Annotated[
    str | None, typer.Option("--classes", metavar="NAME,...", help="Names of the classes, in order.")
]
TO_FILE = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Write here (.csv or .jsonl) instead of to stdout."),
]


def _add(**given: Any) -> None:
    chosen = options(given)
    store = Store(chosen.store)
    classes = _list(given["classes"])
    asked = Asked(_mapped(given["columns"]), _kind(given["scores"]), given["labels"], classes)
    parent = store.resolve(given["parent"]) if given["parent"] is not None else None
    if parent is None and (given["method"] or given["prune_ratio"] is not None):
        raise UsageError(
            "--method and --prune-ratio describe a network that was made from another: name it with --parent"
        )
    known = Known(
        given["model"],
        parent,
        given["method"],
        given["prune_ratio"],
        given["dataset"],
        classes,
        given["seed"],
    )
    record, measurement = add(store, known, read(given["file"], asked), given["distribution"])
    emit([measurement.row() | {"model": record.key, "label": given["model"]}], as_json=chosen.as_json)


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _mapped(text: str | None) -> dict[str, str]:
    found = {}
    for part in _list(text):
        role, equals, name = part.partition("=")
        if role not in NAMES or not equals:
            raise unknown("role in --columns", role, NAMES)
        found[role] = name
    return found


def _kind(text: str | None) -> Scores | None:
    allowed = (Scores.LOGITS, Scores.PROBABILITIES)
    if text is not None and text not in allowed:
        raise unknown("value of --scores", text, allowed)
    return Scores(text) if text is not None else None


def _export(**given: Any) -> None:
    chosen = options(given)
    store, out = Store(chosen.store), given["out"]
    if out is not None and out.suffix not in WRITERS:
        raise UsageError(f"{out}: unknown ending (one of: {', '.join(WRITERS)})")
    if out is not None:
        files.check_named(out, ours=OURS[out.suffix])
    rows = [
        row
        for key in resolve_all(store, given["model"])
        for row in _rows(store, key, given["distribution"] or [])
    ]
    if out is None:
        emit(rows, as_json=True)
        return
    text = io.StringIO(newline="")
    WRITERS[out.suffix](rows, text)
    files.write_named(out, text.getvalue(), ours=OURS[out.suffix])


def _rows(store: Store, key: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """The outcomes of one network, example by example."""
    steps = [step for step in measurements_of(store, [key]) if step.kind == "error" and step.inputs == (key,)]
    found = [step for step in steps if not names or step.distribution in names]  # type: ignore[attr-defined]
    if not found:
        raise UsageError(f"no outcomes of {key} are stored{f' on {names[0]}' if names else ''}")
    return [row for step in found for row in _examples(store, step)]


def _examples(store: Store, step: Any) -> list[dict[str, Any]]:
    arrays = store.outcomes(step.key)
    columns = {name: values for name, values in arrays.items() if values.ndim == 1}
    if SCORES in arrays:
        start = COLUMN_OF[str(store.measurement(step.key).summary["scores"])]
        columns |= {f"{start}{place}": values for place, values in enumerate(arrays[SCORES].T)}
    names = names_in(arrays) or tuple(map(str, range(len(next(iter(columns.values()))))))
    return [
        {"id": name, "model": step.model, "distribution": step.distribution}
        | {column: _number(values[place]) for column, values in columns.items()}
        for place, name in enumerate(names)
    ]


# How the columns of scores are called, a number behind each, so that `outcomes add` knows them again.
COLUMN_OF = {str(Scores.LOGITS): "logit_", str(Scores.PROBABILITIES): "p_"}


def _number(value: Any) -> int | float:
    """A number that reads back as the same float32."""
    return int(value) if value.dtype.kind in "iu" else float(f"{value:.9g}")


def _csv(rows: Sequence[Mapping[str, Any]], file: TextIO) -> None:
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _jsonl(rows: Sequence[Mapping[str, Any]], file: TextIO) -> None:
    file.writelines(json.dumps(row) + "\n" for row in rows)


WRITERS: dict[str, Callable[[Sequence[Mapping[str, Any]], TextIO], None]] = {".csv": _csv, ".jsonl": _jsonl}
# What tells a file that this command wrote from one of the user's own.
OURS = {".csv": files.holding(b"id,model,distribution,"), ".jsonl": files.holding(b'{"id": ')}

command(
    app,
    _add,
    name="add",
    arguments={
        "file": (FILE, ...),
        "model": (NAME, ...),
        "distribution": (ON, ...),
        "parent": (PARENT, None),
        "method": (METHOD, None),
        "prune_ratio": (RATIO, None),
        "seed": (SEED, 0),
        "dataset": (DATASET, None),
        "columns": (COLUMNS, None),
        "scores": (SCORES_ARE, None),
        "labels": (LABELS, None),
        "classes": (CLASSES, None),
    },
    common=("store", "as_json"),
    help="Store a network's prediction for every example: logits, probabilities or classes, with "
    "the true labels and preferably an id for each example. `compare`, `potential` and "
    "`report` then work on them. Needs no torch. Reads .npz, .npy, CSV, JSON lines, Parquet, "
    "and the samples that lm-evaluation-harness logs.",
    examples=[
        "prunekit outcomes add dense.npz --model dense --distribution imagenet",
        "prunekit outcomes add int8.csv --model int8 --parent dense --method int8 --distribution imagenet",
        "prunekit outcomes add half.jsonl --model half --parent dense --prune-ratio 0.5 --distribution imagenet",
        "prunekit compare dense int8 half",
    ],
)
command(
    app,
    _export,
    name="export",
    arguments={"model": (MODEL, ...), "distribution": (DISTRIBUTION, None), "out": (TO_FILE, None)},
    common=("store",),
    help="Write stored outcomes example by example: id, label, predicted class, rank of the true class, loss, "
    "confidence. `outcomes add` reads what this writes.",
    examples=[
        "prunekit outcomes export dense --distribution imagenet --out dense.csv",
        "prunekit outcomes export dense | jq 'select(.rank > 0) | .id'",
    ],
)
