"""Errors in a recipe, with their place: the stage and its field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from prunekit.errors import Place, UsageError


class RecipeError(UsageError):
    """A mistake in a recipe.

    ``stage`` is the position of the stage, from 1 (None: outside stages); ``field`` is the place in it, such as
    ``("sweep", "method", 2)``; ``file`` is set if the mistake is in one file, not in the recipe as a whole; ``line``
    is set for a file that is not TOML.
    """

    def __init__(
        self,
        message: str,
        *,
        stage: int | None = None,
        field: Place = (),
        file: Path | None = None,
        line: int | None = None,
    ) -> None:
        super().__init__(message, field=field)
        self.stage, self.file, self.line = stage, file, line


def place_of(field: Place, sweep: Mapping[str, Collection[object]], chosen: Mapping[str, object]) -> Place:
    """The place of a step's field in its stage; for a swept field, that of the value taken from the sweep."""
    name = field[0] if field else None
    if not isinstance(name, str) or name not in sweep:
        return field
    values = list(sweep[name])
    value = chosen.get(name)
    return ("sweep", name, values.index(value)) if value in values else ("sweep", name)
