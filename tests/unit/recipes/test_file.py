import pytest

from prunekit.errors import UsageError
from prunekit.recipes.file import assign, merged, read, substituted
from prunekit.recipes.plan import from_dict, plan

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
    with pytest.raises(UsageError, match="is not valid TOML"):
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


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("vars.epoch=3", "unknown variable in --set 'epoch'; did you mean 'epochs'?"),
        ("parents.a.b.c=3", "write STAGE.FIELD=VALUE"),
        (f"parents.{'a.' * 5000}b=3", "write STAGE.FIELD=VALUE"),
        ("parents.lr=1\nseed=2", "one value at a time"),
        (f"parents.lr={'[' * 5000}", "nested too deeply"),
        (f"parents.lr={'9' * 5000}", "too long"),
        ("stage-2.epochs=3", "unknown stage in --set 'stage-2'"),
    ],
)
def test_a_set_that_would_change_nothing_is_refused(assignment, message):
    with pytest.raises(UsageError) as caught:
        assign({"vars": {"epochs": 1}, "stage": [dict(PARENTS)]}, assignment)
    assert message in str(caught.value)


def test_a_set_that_another_would_undo_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[[stage]]\nlabel = "p"\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n'
    )
    with pytest.raises(UsageError, match=r"--set p\.epochs is given 2 times: give it once"):
        read(tmp_path / "a.toml", ["p.epochs=3", "p.seed=1", "p.epochs = 4"])


def test_a_set_on_a_swept_field_is_refused_and_one_on_the_sweep_taken():
    raw = {"stage": [dict(PARENTS)]}
    with pytest.raises(UsageError, match=r"seed is also in the sweep.*--set parents.sweep.seed="):
        from_dict(assign(raw, "parents.seed=3"))
    steps = plan(from_dict(assign(raw, "parents.sweep.seed=[3]")))
    assert [step.params.seed for step in steps] == [3]


def test_a_cascade_is_not_turned_on_by_a_text():
    cascade = {
        "label": "p",
        "run": ["prune"],
        "parent": "parents",
        "cascade": True,
        "sweep": {"method": ["wt"]},
    }
    raw = {"stage": [dict(PARENTS), cascade | {"sweep": {"method": ["wt"], "prune_ratio": [0.5]}}]}
    with pytest.raises(UsageError, match=r"cascade must be true or false \(given: 'False'\)"):
        from_dict(assign(raw, "p.cascade=False"))
    assert not from_dict(assign(raw, "p.cascade=false")).stages[1].cascade


def test_set_reaches_a_stage_without_a_label_by_its_place():
    raw = {"stage": [{"run": ["train"], "arch": "resnet8", "dataset": "digits"}]}
    assert assign(raw, "stage-1.epochs=3")["stage"][0]["epochs"] == 3


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"vars": {"epochs": 1}, "title": "x"}, "variable 'epochs' is not used"),
        ({"vars": {"a": "${b}", "b": 1}, "title": "${a}"}, "variable 'a' contains another variable"),
        ({"vars": {"a": 1}, "title": "${a} and ${a"}, "a variable is not closed"),
        ({"vars": {"a": "x" * 5000}, "title": "-${a}" * 50}, "longer than 5,000 characters"),
    ],
)
def test_a_variable_is_used_whole_or_refused(raw, message):
    with pytest.raises(UsageError) as caught:
        substituted(raw)
    assert message in str(caught.value)


@pytest.mark.parametrize("which", ["base", "child"])
@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ('[[stage]]\nlabel = "a"\n[[stage]]\nlabel = "a"\n', "two stages have the label 'a'"),
        ('[[stage]]\nrun = ["train"]\n', "stage 1 has no label"),
    ],
)
def test_stages_that_cannot_be_laid_over_each_other_are_refused(tmp_path, which, stages, message):
    (tmp_path / "base.toml").write_text(stages if which == "base" else BASE)
    (tmp_path / "child.toml").write_text('extends = "base.toml"\n' + (stages if which == "child" else ""))
    with pytest.raises(UsageError, match=f"{which}.toml: .*{message}"):
        read(tmp_path / "child.toml")


def test_endless_extends_end_in_one_line(tmp_path):
    for number in range(1200):
        (tmp_path / f"{number}.toml").write_text(f'extends = "{number + 1}.toml"\n')
    with pytest.raises(UsageError, match="more than 16 files extend each other"):
        read(tmp_path / "0.toml")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "circle.toml").write_text('extends = "self/self/circle.toml"\n')
    with pytest.raises(UsageError, match="which extends it in turn"):
        read(tmp_path / "circle.toml")


@pytest.mark.parametrize(
    "text", ["a = " + "9" * 5000, "a = " + "[" * 400 + "]" * 400, "a" + ".a" * 2000 + " = 1"]
)
def test_what_python_would_choke_on_is_one_line(tmp_path, text):
    (tmp_path / "odd.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "odd.toml")
    assert "\n" not in str(caught.value)


def test_extends_names_one_file(tmp_path):
    (tmp_path / "list.toml").write_text('extends = ["a.toml", "b.toml"]')
    with pytest.raises(UsageError, match="extends must name one file"):
        read(tmp_path / "list.toml")
