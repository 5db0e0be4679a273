"""``list`` and ``schema``: the available names, for people and for editors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

import typer

from prunekit.analysis.findings import FINDINGS
from prunekit.analysis.schema import schema_of
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.output import emit
from prunekit.data.corruptions.table import CORRUPTION_ROWS
from prunekit.data.datasets import DATASETS
from prunekit.errors import unknown
from prunekit.models.archs import ARCHS
from prunekit.params import STEPS, ReportParams
from prunekit.pruning.methods import METHODS
from prunekit.recipes.schema import schema as recipe_schema

Row = dict[str, Any]

list_, schema = sub_app(), sub_app()


def _methods() -> Iterable[Row]:
    for name, row in METHODS.working():
        yield {
            "name": name,
            "structure": row.structure,
            "scope": row.scope,
            "data_informed": row.data_informed,
            "options": {option: each.default for option, each in row.options.items()},
            "source": row.source,
        }


def _datasets() -> Iterable[Row]:
    for name, row in DATASETS.working():
        yield {
            "name": name,
            "task": row.task,
            "classes": len(row.classes),
            "size": list(row.size),
            "source": row.source,
        }


def _archs() -> Iterable[Row]:
    for name, row in ARCHS.working():
        yield {"name": name, "source": row.source, "note": row.note}


def _corruptions() -> Iterable[Row]:
    for name, row in CORRUPTION_ROWS.items():
        yield {"name": name, "family": row.family, "does": row.does, "source": row.source}


TABLES: dict[str, Callable[[], Iterable[Row]]] = {
    "methods": _methods,
    "datasets": _datasets,
    "archs": _archs,
    "corruptions": _corruptions,
}


def _list(**given: Any) -> None:
    chosen, name = options(given), given["table"]
    if name not in TABLES:
        raise unknown("table", name, TABLES)
    rows = ({"key": row["name"], **row} if chosen.quiet else row for row in TABLES[name]())
    emit(rows, as_json=chosen.as_json, quiet=chosen.quiet)


def _schema(**given: Any) -> None:
    name = given["name"]
    schemas: dict[str, Callable[[], Any]] = {
        **{kind: cls.model_json_schema for kind, cls in STEPS.items()},
        "report": ReportParams.model_json_schema,
        "recipe": recipe_schema,
        **{f"finding:{finding}": partial(schema_of, finding) for finding in FINDINGS},
    }
    if name is None:
        emit(({"key": each, "schema": each} for each in schemas), quiet=True)
        return
    if name not in schemas:
        raise unknown("schema", name, schemas)
    emit([schemas[name]()], as_json=True)


command(
    list_,
    _list,
    name="list",
    arguments={
        "table": (
            Annotated[
                str,
                typer.Argument(metavar="|".join(TABLES), help="Which table."),
            ],
            ...,
        )
    },
    common=("as_json", "quiet"),
    help="List the available pruning methods, data sets, architectures and corruptions.",
    examples=["prunekit list methods", "prunekit list archs --json | jq -r .name"],
)
command(
    schema,
    _schema,
    name="schema",
    arguments={
        "name": (
            Annotated[
                str | None,
                typer.Argument(metavar="[NAME]", help="Which table; without it, the names of all tables."),
            ],
            None,
        )
    },
    common=(),
    help="Print the JSON Schema of a step's fields, of a finding's rows, or of recipes (for editors).",
    examples=[
        "prunekit schema",
        "prunekit schema train | jq .properties.lr",
        "prunekit schema finding:potential",
    ],
)
