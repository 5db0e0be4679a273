"""``recipe init|validate|explain``: recipes as a user interface."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from prunekit.base import files
from prunekit.base.environment import default_store
from prunekit.cli.commands.report import SET
from prunekit.cli.commands.run import FILE
from prunekit.cli.flags import command, options, sub_app
from prunekit.cli.output import emit, say, write
from prunekit.data.datasets import check_dataset
from prunekit.errors import UsageError
from prunekit.models.archs import check_arch
from prunekit.params.bounds import MOST_EPOCHS, MOST_SEEDS
from prunekit.pruning.methods import METHODS
from prunekit.recipes.check import problems
from prunekit.recipes.choose import planned
from prunekit.recipes.explain import mermaid, words
from prunekit.recipes.template import template, template_from
from prunekit.steps.check import check_module
from prunekit.store.store import Store

app = sub_app(no_args_is_help=True, help="Write, check and explain recipes.")

EPOCHS_BY_DEFAULT = 182
ARCH = Annotated[str | None, typer.Option("--arch", help="Architecture.", metavar="NAME")]
DATASET = Annotated[str | None, typer.Option("--dataset", help="Data set.", metavar="NAME")]
METHOD_NAMES = Annotated[
    str, typer.Option("--methods", help="Methods, separated by commas.", metavar="NAME,...")
]
FROM = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="MODEL",
        help="Study this stored network, trained or imported, instead of --arch and --dataset.",
        show_default=False,
    ),
]
SEEDS = Annotated[
    int | None, typer.Option("--seeds", min=1, max=MOST_SEEDS, help="How many repetitions (default: 1).")
]
EPOCHS = Annotated[
    int | None,
    typer.Option(
        "--epochs", min=1, max=MOST_EPOCHS, help="Epochs of training and of each retraining (default: 182)."
    ),
]
TO_FILE = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to stdout.")
]


def _init(**given: Any) -> None:
    methods = [name.strip() for name in given["methods"].split(",") if name.strip()]
    for name in methods:
        METHODS[name]  # a wrong name raises
    text = _from_store(given, methods) if given["source"] is not None else _trained(given, methods)
    out: Path | None = given["out"]
    if out is None:
        write(text)
        return
    if out.exists():
        raise UsageError(f"{out} exists: remove it or name another file")
    files.write_named(out, text)
    say(f"wrote {out}; next: prunekit run {out} --dry-run")


def _trained(given: dict[str, Any], methods: list[str]) -> str:
    """A recipe that trains its networks."""
    if given["arch"] is None or given["dataset"] is None:
        raise UsageError("name --arch and --dataset, or a network in the store with --from")
    check_arch(given["arch"])
    check_dataset(given["dataset"], split="train")
    return template(
        arch=given["arch"],
        dataset=given["dataset"],
        methods=methods,
        seeds=given["seeds"] or 1,
        epochs=given["epochs"] or EPOCHS_BY_DEFAULT,
    )


def _from_store(given: dict[str, Any], methods: list[str]) -> str:
    """A recipe that starts from a stored network."""
    said = [f"--{name}" for name in ("arch", "dataset", "seeds", "epochs") if given[name] is not None]
    if said:
        raise UsageError(f"{said[0]} is fixed by the stored network: omit it with --from")
    store = Store(given["store"] or default_store())
    record = store.record(store.resolve(given["source"]))
    check_module(record)
    if len(record.lineage) > 1:
        raise UsageError(
            f"{record.key} was made from {record.root.key}: a study starts from an unpruned network"
        )
    return template_from(record.root.read(), name=given["source"], methods=methods)


def _validate(**given: Any) -> None:
    chosen = options(given)
    found = problems(given["recipe"])
    rows = ({"file": str(file), "line": line, "problem": text} for file, line, text in found)
    emit(rows, as_json=chosen.as_json)
    if found:
        raise UsageError(f"{given['recipe']}: {len(found)} problem{'s' if len(found) > 1 else ''}")
    say(f"{given['recipe']} is a valid recipe")


def _explain(**given: Any) -> None:
    recipe, steps = planned(given["recipe"], given["assignments"] or [])
    write(mermaid(recipe, steps) if given["graph"] else words(recipe, steps))


command(
    app,
    _init,
    name="init",
    arguments={
        "arch": (ARCH, None),
        "dataset": (DATASET, None),
        "source": (FROM, None),
        "methods": (METHOD_NAMES, "wt,sipp,ft,pfp"),
        "seeds": (SEEDS, None),
        "epochs": (EPOCHS, None),
        "out": (TO_FILE, None),
    },
    common=("store",),
    help="Write a commented recipe for the whole study of one network, either a new one or one in the store.",
    examples=[
        "prunekit recipe init --from mine --methods wt,ft --out mine.toml",
        "prunekit recipe init --arch resnet20 --dataset cifar10 --methods wt,ft --seeds 3 --out mine.toml",
    ],
)
command(
    app,
    _validate,
    name="validate",
    arguments={"recipe": (FILE, ...)},
    common=("as_json",),
    help="List all problems of a recipe at once, with line numbers.",
    examples=["prunekit recipe validate mine.toml"],
)
command(
    app,
    _explain,
    name="explain",
    arguments={
        "recipe": (FILE, ...),
        "assignments": (SET, None),
        "graph": (
            Annotated[bool, typer.Option("--graph", help="Print a Mermaid graph instead of words.")],
            False,
        ),
    },
    common=(),
    help="Explain what a recipe will run, in words or as a graph.",
    examples=[
        "prunekit recipe explain recipes/quickstart.toml",
        "prunekit recipe explain mine.toml --graph > mine.mmd",
    ],
)
