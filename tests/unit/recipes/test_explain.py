from pathlib import Path

from prunekit.pruning.methods import METHODS
from prunekit.recipes.explain import code_of, mermaid, words
from prunekit.recipes.file import read
from prunekit.recipes.plan import from_dict, plan

QUICKSTART = Path(__file__).resolve().parents[3] / "recipes" / "quickstart.toml"


def test_words_and_graph_name_every_stage():
    recipe = read(QUICKSTART)
    steps = plan(recipe)
    for stage in recipe.stages:
        assert f"{stage.label}: " in words(recipe, steps)
        assert f"{stage.label}: " in mermaid(recipe, steps)
    assert mermaid(recipe, steps).startswith("graph LR\n")


def test_the_code_that_a_recipe_imports_is_shown_and_not_imported(tmp_path, monkeypatch):
    (tmp_path / "evil.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.chdir(tmp_path)
    stage = {"label": "p", "run": ["train"], "arch": "module:evil:build", "dataset": "digits", "epochs": 3}
    recipe = from_dict({"stage": [stage]})
    text = words(recipe, plan(recipe))
    assert "imports and runs code: evil:build (architecture module:evil:build)" in text
    assert "  epochs = 3\n" in text


def test_a_plugin_is_shown_by_what_it_imports(monkeypatch):
    class Point:
        name, value = "mine", "somewhere.methods:MINE"

        def load(self):
            return METHODS["wt"]

    monkeypatch.setattr(METHODS, "_points", {"mine": Point()})
    train = {"label": "p", "run": ["train"], "arch": "resnet8", "dataset": "digits"}
    prune = {"run": ["prune"], "parent": "p", "method": "mine", "prune_ratio": 0.5}
    assert code_of(plan(from_dict({"stage": [train, prune]}))) == [
        "somewhere.methods:MINE (method mine, a plugin)"
    ]
