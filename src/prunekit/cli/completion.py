"""Shell completions for a value: names in tables, labels in the store, recipes and their stages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import typer

from prunekit.base.environment import default_store

Names = Callable[[typer.Context], Iterable[str]]


def _methods(ctx: typer.Context) -> Iterable[str]:
    from prunekit.pruning.methods import METHODS

    return METHODS


def _archs(ctx: typer.Context) -> Iterable[str]:
    from prunekit.models.archs import ARCHS

    return ARCHS


def _datasets(ctx: typer.Context) -> Iterable[str]:
    from prunekit.data.datasets import DATASETS

    return DATASETS


def _distributions(ctx: typer.Context) -> Iterator[str]:
    """Named sets, data sets, and every corruption of the data sets."""
    from prunekit.data.datasets import DATASETS
    from prunekit.data.sets import SETS
    from prunekit.distribution import CORRUPTIONS, SEVERITIES

    yield from SETS
    for name in DATASETS:
        yield name
        yield from (f"{name}+{corruption}@{level}" for corruption in CORRUPTIONS for level in SEVERITIES)


def _labels(ctx: typer.Context) -> Iterable[str]:
    from prunekit.store import Store

    return Store(Path(ctx.params.get("store") or default_store())).labels()


def _recipes(ctx: typer.Context) -> Iterable[str]:
    from prunekit.recipes.embedded import names

    return [*names(), *map(str, Path().glob("*.toml"))]


def _stages(ctx: typer.Context) -> Iterable[str]:
    from prunekit.recipes.file import read

    typed = ctx.params.get("recipe") or ctx.args[0]  # a flag without its value leaves the argument unread
    return [stage.label for stage in read(Path(typed)).stages]


# By the name of the flag's parameter or of the argument.
VALUES: dict[str, Names] = {
    "arch": _archs,
    "dataset": _datasets,
    "distribution": _distributions,
    "method": _methods,
    "methods": _methods,
    "model": _labels,
    "only": _stages,
    "parent": _labels,
    "recipe": _recipes,
    "to": _labels,
    "until": _stages,
}


def offers(name: str) -> Callable[[typer.Context, str], list[str]] | None:
    """The completion of a parameter; a failing one offers nothing, because a shell cannot show an error."""
    values = VALUES.get(name)
    if values is None:
        return None

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            return sorted(value for value in values(ctx) if value.startswith(incomplete))
        except Exception:
            return []

    return complete
