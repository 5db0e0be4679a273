"""A recipe for a network that is in the store: its first stage is that network, and nothing is trained again."""

import shutil

import pytest
from safetensors.torch import save_file

import prunekit
from prunekit.recipes.file import read
from prunekit.recipes.plan import plan


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "store")
    return tmp_path / "store"


def first_of(path):
    step = plan(read(path))[0]
    return getattr(step, "params", step)


def test_a_study_starts_from_a_trained_network(store, trained, cli, tmp_path):
    recipe = tmp_path / "mine.toml"
    ran = cli("recipe", "init", "--from", "small", "--methods", "wt", "--out", recipe)
    assert ran.code == 0, ran.err
    assert first_of(recipe).key == trained[1]
    assert cli("recipe", "validate", recipe).code == 0
    states = {row["key"]: row["state"] for row in cli("status", recipe).rows}
    assert states[trained[1]] == "have"
    assert sum(key.startswith("train-") for key in states) == 1


def test_a_study_starts_from_an_imported_network(cli, tmp_path):
    save_file(prunekit.build("resnet8", classes=10, seed=3).state_dict(), tmp_path / "own.safetensors")
    brought = cli(
        *(
            "import",
            tmp_path / "own.safetensors",
            "--arch",
            "resnet8",
            "--dataset",
            "digits",
            "--label",
            "mine",
        ),
        *("--epochs", "3", "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5"),
    )
    assert brought.code == 0, brought.err
    recipe = tmp_path / "mine.toml"
    assert cli("recipe", "init", "--from", "mine", "--methods", "wt,ft", "--out", recipe).code == 0
    assert first_of(recipe).key == brought.row["key"]


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("--from", "small", "--arch", "resnet8"), "--arch is fixed by the stored network"),
        (("--from", "half"), "a study starts from an unpruned network"),
        (("--arch", "resnet8"), "or a network in the store with --from"),
    ],
)
def test_what_cannot_start_a_study_is_refused(args, why, store, cli):
    assert cli("prune", "small", "--method", "wt", "--prune-ratio", "0.5", "--label", "half").code == 0
    ran = cli("recipe", "init", *args)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert why in ran.err
