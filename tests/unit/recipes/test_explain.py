from pathlib import Path

from prunekit.recipes.explain import mermaid, words
from prunekit.recipes.file import read
from prunekit.recipes.plan import plan

QUICKSTART = Path(__file__).resolve().parents[3] / "recipes" / "quickstart.toml"


def test_words_and_graph_name_every_stage():
    recipe = read(QUICKSTART)
    steps = plan(recipe)
    for stage in recipe.stages:
        assert f"{stage.label}: " in words(recipe, steps)
        assert f"{stage.label}: " in mermaid(recipe, steps)
    assert mermaid(recipe, steps).startswith("graph LR\n")
