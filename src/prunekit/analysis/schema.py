"""The JSON schema of every finding's rows, and the check of a row against it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from prunekit.analysis.columns import COLUMNS
from prunekit.analysis.findings import FINDINGS
from prunekit.errors import PrunekitError
from prunekit.params import describe


def schema_of(finding: str) -> dict[str, Any]:
    """The JSON schema of one finding's rows; for an unknown name the error lists the known ones."""
    return _model(finding).model_json_schema()


def check_row(row: Mapping[str, Any]) -> None:
    """Raise a one-line :class:`PrunekitError` unless the row has exactly its finding's columns with their types."""
    name = str(row.get("finding"))
    try:
        _model(name).model_validate(dict(row))
    except ValidationError as error:
        raise PrunekitError(f"a row of {name} is malformed: {describe(error)}") from None


@cache
def _model(finding: str) -> type[BaseModel]:
    """A strict model of one finding; fields are numbered and aliased, as a column's name may be a Python keyword."""
    found = FINDINGS[finding]
    columns = found.columns if found.complete else {**COLUMNS, **found.columns}
    fields: dict[str, Any] = {
        f"column_{place}": (kind, Field(alias=name, description=text))
        for place, (name, (kind, text)) in enumerate(columns.items())
    }
    model: type[BaseModel] = create_model(
        finding,
        __config__=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, title=finding),
        __doc__=f"{found.meaning} ({found.source})",
        **fields,
    )
    return model
