"""The base of all steps' parameters: validated, frozen, and named by a hash of what differs from the defaults.

A key is the step's kind and a hash of its canonical parameters: defaults left out, field order ignored, 1 = 1.0.
A parent's key is one of the parameters, so that a key names a whole lineage.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from prunekit.base.code import tidy as tidy_code
from prunekit.distribution import canonical, tidy
from prunekit.errors import LONGEST_NAME, Place, UsageError, about, unknown

KEY_DIGITS = 16


def _one_name(name: Callable[[str], str]) -> AfterValidator:
    """One name, and so one key, per place: folder:./images is folder:images, module:nets.py:f is module:nets:f."""

    def validated(value: str, info: ValidationInfo) -> str:
        with about(info.field_name or ""):
            return name(value)

    return AfterValidator(validated)


DatasetName = Annotated[str, _one_name(tidy)]
CodeName = Annotated[str, _one_name(tidy_code)]
DistributionName = Annotated[str, _one_name(canonical)]
Value = bool | int | float | str


def _pairs(given: Any) -> Any:
    """A table in a comparable, hashable form: its pairs sorted by name."""
    if not isinstance(given, dict):
        return given
    if not all(isinstance(value, Value) for value in given.values()):
        raise ValueError("expected a table of names and plain values, such as {n = 2}")
    return tuple(sorted(given.items()))


# Named values: a table in recipes, keys and records, pairs in memory.
NamedValues = Annotated[
    tuple[tuple[str, Value], ...],
    BeforeValidator(_pairs),
    PlainSerializer(dict, return_type=dict, when_used="json"),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": ["boolean", "number", "string"]}}),
]


class Params(BaseModel):
    """What one step needs to know; equal parameters have equal keys, and equal keys equal results."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: ClassVar[str]
    panel: ClassVar[str] = "Options"  # the group of its fields on a help page
    references: ClassVar[
        tuple[str, ...]
    ] = ()  # the fields that hold keys of earlier steps; the first is the main one
    unhashed: ClassVar[
        tuple[str, ...]
    ] = ()  # the fields that change no result and are therefore not part of the key

    @classmethod
    def read(cls, fields: dict[str, Any]) -> Self:
        """Validate ``fields``; a one-line :class:`UsageError` says which is wrong and what is allowed."""
        strange = [name for name in fields if name not in cls.model_fields]
        if strange:
            raise unknown(f"{cls.kind} field", strange[0], cls.model_fields, field=(strange[0],))
        try:
            return cls(**fields)
        except ValidationError as error:
            raise UsageError(f"{cls.kind}: {describe(error)}", field=_place(error)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse a boolean for a number: ``epochs = true`` is not one epoch."""
        name = str(info.field_name)
        values = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(each, bool) for each in values) and "bool" not in str(
            cls.model_fields[name].annotation
        ):
            raise ValueError(f"{name} cannot be true or false (given: {value!r})")
        return value

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the results that this step needs."""
        return tuple(key for name in self.references if (key := getattr(self, name)) is not None)

    @cached_property
    def key(self) -> str:
        """``kind-hash``: the name of this step's result in every store."""
        return key_of(self.kind, self.hashed())

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values of some fields, and a key of its own."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("key", None)
        return copied

    def hashed(self) -> dict[str, Any]:
        """The fields that name the result, as JSON values: those that differ from the defaults."""
        return self.model_dump(mode="json", exclude_defaults=True, exclude=set(self.unhashed))


_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def key_of(kind: str, fields: dict[str, Any]) -> str:
    """The key of a step of this kind with these non-default fields (JSON values)."""
    text = _ENCODE(_canonical(fields))
    return f"{kind}-{hashlib.sha256(f'{kind}:{text}'.encode()).hexdigest()[:KEY_DIGITS]}"


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _canonical(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class FieldError(ValueError):
    """A field conflicts with another; raised by the validator of a whole step; ``field`` is its name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _place(error: ValidationError) -> Place:
    """The field of the first problem that pydantic found."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    return (cause.field,) if isinstance(cause, FieldError) else first["loc"]


def describe(error: ValidationError) -> str:
    """The first problem that pydantic found, as one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "value"
    if first["type"] == "literal_error":
        return str(unknown(where, str(first["input"]), re.findall(r"'([^']*)'", first["ctx"]["expected"])))
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    given = repr(first.get("input"))
    shown = given if len(given) <= LONGEST_NAME else f"{given[:LONGEST_NAME]}..."
    return f"{where}: {first['msg']} (given: {shown})"
