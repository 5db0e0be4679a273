import pytest

from prunekit.errors import UsageError
from prunekit.recipes.file import assign, merged, read, substituted
from prunekit.recipes.plan import plan

PARENTS = {
    "label": "parents",
    "run": ["train"],
    "arch": "resnet8",
    "dataset": "digits",
    "sweep": {"seed": [0, 1]},
}


def test_set_lays_values_over_a_copy():
    raw = {"stage": [dict(PARENTS)]}
    changed = assign(assign(assign(raw, "parents.epochs=3"), "parents.sweep.seed=[5]"), "report.margin=0.02")
    assert (changed["stage"][0]["epochs"], changed["stage"][0]["sweep"], changed["report"]) == (
        3,
        {"seed": [5]},
        {"margin": 0.02},
    )
    assert raw == {"stage": [PARENTS]}


@pytest.mark.parametrize("wrong", ["parents", "parents=3", "nothing.epochs=3", "parents.epochs"])
def test_a_wrong_set_is_one_line(wrong):
    with pytest.raises(UsageError, match="--set"):
        assign({"stage": [PARENTS]}, wrong)


def test_a_file_that_is_missing_or_not_toml_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot read the recipe"):
        read(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("[[stage\n")
    with pytest.raises(UsageError, match="is not TOML"):
        read(tmp_path / "bad.toml")


BASE = """
title = "base"
[vars]
arch = "resnet8"
epochs = 3
[[stage]]
label = "parents"
run = ["train"]
arch = "${arch}"
dataset = "digits"
epochs = "${epochs}"
"""


def test_extends_lays_a_recipe_over_another(tmp_path):
    (tmp_path / "base.toml").write_text(BASE)
    child = tmp_path / "child.toml"
    child.write_text(
        'extends = "base.toml"\ntitle = "child of ${arch}"\n[vars]\nepochs = 5\n'
        '[[stage]]\nlabel = "parents"\nseed = 2\n'
        '[[stage]]\nlabel = "errors"\nrun = ["error"]\nmodel = "parents"\n'
    )
    recipe = read(child)
    steps = [step.params for step in plan(recipe)]
    assert recipe.title == "child of resnet8"
    assert (steps[0].epochs, steps[0].seed, steps[0].arch) == (5, 2, "resnet8")
    assert [step.kind for step in steps] == ["train", "error"]
    assert "base.toml" in recipe.text


def test_set_reaches_variables(tmp_path):
    (tmp_path / "base.toml").write_text(BASE)
    (step,) = plan(read(tmp_path / "base.toml", ["vars.epochs=7"]))
    assert step.params.epochs == 7


def test_a_circle_of_extends_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text('extends = "b.toml"')
    (tmp_path / "b.toml").write_text('extends = "a.toml"')
    with pytest.raises(UsageError, match="which extends it in turn"):
        read(tmp_path / "a.toml")


def test_an_unknown_variable_is_named():
    with pytest.raises(UsageError, match="unknown variable 'epoch'; did you mean 'epochs'"):
        substituted({"vars": {"epochs": 1}, "title": "${epoch}"})


def test_merging_leaves_both_documents_as_they_are():
    under, over = (
        {"report": {"margin": 1}, "stage": [dict(PARENTS)]},
        {"report": {"seed": 2}, "stage": [{"label": "x"}]},
    )
    result = merged(under, over)
    assert result["report"] == {"margin": 1, "seed": 2}
    assert [stage["label"] for stage in result["stage"]] == ["parents", "x"]
    assert under == {"report": {"margin": 1}, "stage": [PARENTS]}
    assert over == {"report": {"seed": 2}, "stage": [{"label": "x"}]}
