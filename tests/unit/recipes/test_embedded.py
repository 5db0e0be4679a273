from pathlib import Path

import pytest

from prunekit.errors import UsageError
from prunekit.recipes import embedded
from prunekit.recipes.file import read


def test_every_recipe_has_a_name_and_parts_have_none():
    assert {"quickstart", "cifar10/resnet20"} <= set(embedded.names())
    assert not [name for name in embedded.names() if name.startswith("shared")]


def test_a_name_stands_for_its_file_wherever_it_is_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read(Path("quickstart")).title == read(embedded.path_of("quickstart")).title
    assert read(Path("cifar10/resnet20.toml")).stages


def test_a_file_of_ones_own_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("quickstart").write_text('[[stage]]\nrun = ["train"]\narch = "resnet8"\ndataset = "digits"\n')
    assert embedded.located(Path("quickstart")) == Path("quickstart")


def test_a_wrong_name_lists_the_right_ones():
    with pytest.raises(UsageError, match="did you mean 'quickstart'"):
        embedded.path_of("quickstrat")


@pytest.mark.parametrize(
    ("typed", "why"),
    [("quickstar", "did you mean 'quickstart'"), ("../quickstart", "No such file"), ("q.toml", "No such")],
)
def test_a_word_that_is_no_file_is_taken_for_a_name(tmp_path, monkeypatch, typed, why):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=why):
        read(Path(typed))
