from pathlib import Path

from prunekit.recipes.check import problems

QUICKSTART = Path(__file__).resolve().parents[3] / "recipes" / "quickstart.toml"


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


def test_a_stage_without_a_label_hides_no_problem_of_another(tmp_path):
    path = tmp_path / "unlabelled.toml"
    train = '[[stage]]\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n'
    path.write_text(train + train + '[[stage]]\nrun = ["error"]\nmodel = "stage-2"\nsede = 1\n')
    assert [line for line, _ in problems(path)] == [12]
