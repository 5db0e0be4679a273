import json
from pathlib import Path

import pytest

from prunekit.recipes.check import problems

QUICKSTART = Path(__file__).resolve().parents[3] / "recipes" / "quickstart.toml"
TRAIN = '[[stage]]\nlabel = "p"\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n'
PRUNE = '[[stage]]\nlabel = "q"\nrun = ["prune"]\nparent = "p"\n'
HERE = "  # here"  # the line that the problem is on


def test_every_problem_is_told_with_its_line(tmp_path):
    path = tmp_path / "wrong.toml"
    path.write_text(
        '[[stage]]\nlabel = "a"\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\nepoch = 3\n'
        '[[stage]]\nlabel = "b"\nrun = ["tarin"]\n'
        '[[stage]]\nlabel = "c"\nrun = ["error"]\nmodel = "z"\n'
    )
    found = problems(path)
    assert [line for _, line, _ in found] == [6, 9, 13]
    assert ["epoch" in found[0].problem, "tarin" in found[1].problem, "'z'" in found[2].problem] == [True] * 3


def test_a_valid_recipe_has_no_problems():
    assert problems(QUICKSTART) == []


def test_a_missing_file_is_one_line(tmp_path):
    ((_, line, text),) = problems(tmp_path / "none.toml")
    assert line == 1
    assert text.startswith("cannot read the recipe")


def test_a_stage_without_a_label_hides_no_problem_of_another(tmp_path):
    path = tmp_path / "unlabelled.toml"
    train = '[[stage]]\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n'
    path.write_text(train + train + '[[stage]]\nrun = ["error"]\nmodel = "stage-2"\nsede = 1\n')
    assert [problem.line for problem in problems(path)] == [12]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TRAIN + f"seeds = 1{HERE}\n", "unknown field in stage 'p' 'seeds'"),
        (TRAIN + TRAIN.replace('"p"', f'"p"{HERE}'), "two stages have the label 'p'"),
        (TRAIN.replace('"p"', f"3{HERE}"), "its label '3' is not a text"),
        (TRAIN.replace('["train"]', f'[\n"error",\n"train",{HERE}\n]'), "train does not start from another step"),
        (f"[[stage]]{HERE}\nlabel = 'p'\n", "needs run"),
        (TRAIN + f'cascade = "no"{HERE}\n', "cascade must be true or false"),
        (TRAIN + f"seed = 1{HERE}\nsweep.seed = [0]\n", "seed is also in the sweep"),
        (TRAIN + f"[stage.sweep]\nseed = [\n0,\n1,\n0,{HERE}\n]\n", "sweep.seed names 0 twice"),
        (TRAIN + f"sweep = 3{HERE}\n", "sweep must be a table"),
        (TRAIN + f"sweep.lr = []{HERE}\n", "sweep.lr must be a list"),
        (TRAIN + f"sweep.lr = [{{ a = 1 }}]{HERE}\n", "a value is expected, not a table"),
        (TRAIN + f"lr = -1{HERE}\n", "lr: Input should be greater than 0"),
        (TRAIN + f"milestones = [\n10,\n'a',{HERE}\n]\n", "milestones.1"),
        (TRAIN + f"std = [1.0, 0.0, 1.0]{HERE}\n", "std must be above 0"),
        (TRAIN + f"mean = [1.0]{HERE}\n", "mean needs 3 values"),
        (TRAIN.replace('"resnet8"', f'"resnet9"{HERE}'), "'resnet9'"),
        (TRAIN.replace('"digits"', f'"digist"{HERE}'), "'digist'"),
        (TRAIN + f'train_distribution = "cifar10+mix1"{HERE}\n', "only mixtures of the data set itself"),
        (TRAIN + f'train_distribution = "digits+fgo@1"{HERE}\n', "'fgo'"),
        (TRAIN + PRUNE.replace('"p"', f'"P"{HERE}') + "method='wt'\n", "unknown stage that 'q' starts from"),
        (TRAIN + PRUNE + f'prune_ratio = 0.5\nmethod = "wtt"{HERE}\n', "unknown method 'wtt'"),
        (
            TRAIN + PRUNE + f'prune_ratio = 0.5\n[stage.sweep]\nmethod = [ # "siip"\n"wt",\n"siip",{HERE}\n]\n',
            "unknown method 'siip'",
        ),
        (
            TRAIN + PRUNE + f'method = "wt"\nsweep = {{ prune_ratio = [0.5, 0.4] }}{HERE}\ncascade = true\n',
            "over increasing values",
        ),
        (TRAIN + PRUNE + f'method = "wt"\nwhere.seed = [0,\n9]{HERE}\nprune_ratio=0.5\n', "has 9"),
        (TRAIN + PRUNE + f'method = "wt"\nwhere.sed = [0]{HERE}\nprune_ratio=0.5\n', "unknown field in where"),
        (TRAIN + PRUNE + f'method = "wt"\nsweep.prune_ratio = [\n0.5,\n1.5,{HERE}\n]\n', "prune_ratio: Input"),
        (f'{TRAIN}[[stage]]\nrun = ["error"]\nmodel = "p"\ndistribution = "@al"{HERE}\n', "set of distributions"),
        (
            f'{TRAIN}[[stage]]\nrun = ["error"]\nmodel = "p"\ndistribution = "@jpeg"{HERE}\n',
            "did you mean 'digits+jpeg_compression@3'?",
        ),
        (f'{TRAIN}[[stage]]\nrun = ["noise"]\nmodel = "p"\nto = "p"\n'.replace("]]\nrun = [\"noise", f"]]{HERE}\nrun = [\"noise"), "itself"),
        (f"titel = 'x'{HERE}\n{TRAIN}", "unknown field of recipe 'titel'"),
        (f"title = 3{HERE}\n{TRAIN}", "the title of recipe"),
        (f"{TRAIN}[report]\nmargin = 7{HERE}\n", "report: margin"),
        (f"stage = []{HERE}\n", "has no [[stage]]"),
        (TRAIN + f"epochs = ${HERE}\n", "is not valid TOML"),
        (TRAIN.replace('"resnet8"', f'"${{net}}"{HERE}'), "unknown variable 'net'"),
        (f'{TRAIN}[vars]\nnet = "a"\nold = 1{HERE}\n'.replace("resnet8", "${net}"), "variable 'old' is not used"),
    ],
)  # fmt: skip
def test_a_problem_is_on_the_line_of_its_stage_and_field(tmp_path, text, message):
    path = tmp_path / "recipe.toml"
    path.write_text(text)
    wanted = next((number for number, line in enumerate(text.splitlines(), 1) if HERE in line), None)
    (found,) = problems(path)
    assert message in found.problem
    assert found.line == wanted


@pytest.mark.parametrize(
    "label", ["it's", 'say "hi"', "[[stage]]", "a = 1 # b", "naïve 模型", "p\\q", "'method' 'wt'"]
)
def test_odd_names_of_stages_lead_to_the_right_lines(tmp_path, label):
    path = tmp_path / "recipe.toml"
    named = json.dumps(label)
    path.write_text(
        TRAIN.replace('"p"', named)
        + f'[[stage]]\nlabel = "q"\nrun = ["prune"]\nparent = {named}\nprune_ratio = 0.5\n'
        + 'sweep = { method = [\n  "wt",\n  "siip",\n] }\n'
    )
    assert [(each.line, "'siip'" in each.problem) for each in problems(path)] == [(13, True)]


def test_a_variable_that_is_not_closed_is_on_the_line_that_opens_it(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(TRAIN.replace('"p"', '"${"'))
    ((_, line, text),) = problems(path)
    assert (line, "is not closed" in text) == (2, True)


def test_a_problem_of_an_extended_file_is_on_that_file_s_line(tmp_path):
    """A field is looked for in the file that says it, whichever stage of that file has the label."""
    base, path = tmp_path / "base.toml", tmp_path / "recipe.toml"
    base.write_text(TRAIN.replace('"p"', '"z"') + TRAIN + "lr = -1\n")
    path.write_text('extends = "base.toml"\n\n[[stage]]\nlabel = "p"\nrnu = []\n')
    ((file, line, text),) = problems(path)
    assert (file.name, line, "'rnu'" in text) == ("recipe.toml", 5, True)
    path.write_text('extends = "base.toml"\n\n[[stage]]\nlabel = "p"\nepochs = 2\n')
    ((file, line, text),) = problems(path)
    assert (file.name, line, "lr" in text) == ("base.toml", 11, True)
    base.write_text(TRAIN + TRAIN)
    ((file, line, text),) = problems(path)
    assert (file.name, line, "two stages have the label" in text) == ("base.toml", 7, True)
    path.write_text('\nextends = "none.toml"\n')
    ((file, line, text),) = problems(path)
    assert (file.name, line, "none.toml" in text) == ("recipe.toml", 2, True)
