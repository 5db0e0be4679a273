import tomllib
from pathlib import Path

import pytest

from prunekit.recipes.schema import schema

ROOT = Path(__file__).resolve().parents[3] / "recipes"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.toml")), ids=lambda path: path.stem)
def test_the_schema_knows_every_field_of_our_recipes(path):
    raw, stage = tomllib.loads(path.read_text()), schema()["properties"]["stage"]["items"]["properties"]
    assert set(raw) <= set(schema()["properties"])
    assert {name for block in raw.get("stage", []) for name in block} <= set(stage)
