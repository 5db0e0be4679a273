"""JSON Schema of a recipe file, for editors."""

from __future__ import annotations

from typing import Any

from prunekit.params import STEPS, ReportParams


def schema() -> dict[str, Any]:
    """JSON Schema of a recipe file, for editors: every field of every step, with what it means."""
    variable = {"type": "string", "pattern": r"^\$\{.+\}$"}
    fields: dict[str, Any] = {}
    for cls in STEPS.values():
        for name, field in cls.model_json_schema()["properties"].items():
            plain = {"anyOf": [field, variable], "description": field.get("description", "")}
            fields.setdefault(name, {"type": ["string", "array"]} if name in cls.references else plain)
    lists = {"type": "object", "additionalProperties": {"type": "array", "minItems": 1}}
    words = {
        "label": {"type": "string"},
        "run": {"type": "array", "items": {"enum": list(STEPS)}, "minItems": 1},
        "where": lists,
        "sweep": lists,
        "cascade": {"type": "boolean"},
    }
    stage = {"type": "object", "properties": {**fields, **words}, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "prunekit recipe",
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "extends": {"type": "string"},
            "vars": {"type": "object"},
            "report": ReportParams.model_json_schema(),
            "stage": {"type": "array", "items": stage},
        },
        "additionalProperties": False,
    }
