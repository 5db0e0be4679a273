import tomllib
from pathlib import Path

import pytest

from prunekit.recipes.file import read
from prunekit.recipes.plan import from_dict, plan
from prunekit.recipes.text import mermaid, problems, schema, template, words

ROOT = Path(__file__).resolve().parents[2] / "recipes"
QUICKSTART = ROOT / "quickstart.toml"


def test_a_new_recipe_plans():
    text = template(arch="resnet8", dataset="digits", methods=["wt", "ft"], seeds=2, epochs=3)
    steps = plan(from_dict(tomllib.loads(text)))
    assert sum(step.params.kind == "train" for step in steps) == 3
    assert sum(step.params.kind == "prune" for step in steps) == 2 * 2 * 5


def test_every_problem_is_told_with_its_line(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        '[[stage]]\nlabel = "a"\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\nepoch = 3\n'
        '[[stage]]\nlabel = "b"\nrun = ["tarin"]\n'
        '[[stage]]\nlabel = "c"\nrun = ["error"]\nmodel = "z"\n'
    )
    found = problems(path)
    assert [line for line, _ in found] == [6, 9, 13]
    assert ["epoch" in found[0][1], "tarin" in found[1][1], "'z'" in found[2][1]] == [True, True, True]


def test_a_valid_recipe_has_no_problems():
    assert problems(QUICKSTART) == []


def test_a_missing_file_is_one_line(tmp_path):
    ((line, text),) = problems(tmp_path / "none.toml")
    assert line == 1
    assert text.startswith("cannot read the recipe")


def test_words_and_graph_name_every_stage():
    recipe = read(QUICKSTART)
    steps = plan(recipe)
    for stage in recipe.stages:
        assert f"{stage.label}: " in words(recipe, steps)
        assert f"{stage.label}: " in mermaid(recipe, steps)
    assert mermaid(recipe, steps).startswith("graph LR\n")


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.toml")), ids=lambda path: path.stem)
def test_the_schema_knows_every_field_of_our_recipes(path):
    raw, stage = tomllib.loads(path.read_text()), schema()["properties"]["stage"]["items"]["properties"]
    assert set(raw) <= set(schema()["properties"])
    assert {name for block in raw.get("stage", []) for name in block} <= set(stage)
