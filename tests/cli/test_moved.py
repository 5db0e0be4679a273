"""A project that moved: its relative folders are found from its new place, or named; what is stored needs no images."""

import shutil

import pytest
from tests.cli.test_own_folders import write

RECIPE = """
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "folder:photos"
epochs = 1
batch_size = 4

[[stage]]
label = "pruned"
run = ["prune"]
parent = "parents"
sweep = { method = ["wt"], prune_ratio = [0.9] }

[[stage]]
label = "errors"
run = ["error"]
model = ["parents", "pruned"]
sweep = { distribution = ["folder:photos", "folder:photos+fog@3"] }
"""
STORE = (".prunekit", "store")


@pytest.fixture(scope="module")
def project(tmp_path_factory, data_folder):
    """A project with its photos, its recipe and its finished store, that was moved since."""
    from tests.conftest import call_inline

    first = tmp_path_factory.mktemp("first") / "project"
    first.mkdir()
    write(first / "photos", ("train", "test"), classes=("cat", "dog"))
    (first / "study.toml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(first)
        ran = call_inline(("run", "study.toml"), first.joinpath(*STORE), data_folder)
        assert (ran.code, ran.row["made"]) == (0, 6), ran.err
    return shutil.move(first, tmp_path_factory.mktemp("second") / "project")


@pytest.fixture
def at(project, cli, tmp_path, monkeypatch):
    """Call a command in a folder, on a copy of the moved project's store."""
    store = shutil.copytree(project.joinpath(*STORE), tmp_path / "store")

    def call(folder, *args):
        monkeypatch.chdir(folder)
        return cli(*args, store=store)

    call.keys = {row["kind"]: row["key"] for row in call(tmp_path, "ls").rows}
    return call


def test_every_command_goes_on_where_the_project_is_now(project, at, tmp_path):
    parent, pruned = at.keys["train"], at.keys["prune"]
    assert {row["state"] for row in at(project, "status", "study.toml").rows} == {"have"}
    assert at(project, "run", "study.toml").row == {"made": 0, "had": 6, "failed": 0}
    assert at(project, "report", pruned, "--out", tmp_path / "report").code == 0
    new = at(project, "compare", parent, pruned, "--distribution", "folder:photos+fog@1")
    assert (new.code, len(new.rows)) == (0, 1), new.err


def test_stored_results_are_read_without_the_images(at, tmp_path):
    parent, pruned = at.keys["train"], at.keys["prune"]
    stored = ("--distribution", "folder:photos", "--distribution", "folder:photos+fog@3")
    assert len(at(tmp_path, "compare", parent, pruned, *stored).rows) == 2
    assert at(tmp_path, "potential", pruned, *stored).code == 0
    assert at(tmp_path, "report", pruned, "--out", tmp_path / "report").code == 0
    assert at(tmp_path, "verify").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ("run", "{project}/study.toml"),
        ("compare", "{train}", "{prune}", "--distribution", "folder:photos+fog@1"),
        ("prune", "{train}", "--method", "ft", "--prune-ratio", "0.5"),
        ("retrain", "{prune}", "--epochs", "1"),
        ("similarity", "{prune}", "--images", "2"),
        ("features", "{prune}", "--images", "1"),
        ("export", "{prune}", "--out", "shipped"),
    ],
)
def test_elsewhere_one_line_says_which_folder_to_name(command, project, at, tmp_path):
    refused = at(tmp_path, *(word.format(project=project, **at.keys) for word in command))
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert f"folder:photos: there is no such folder in {tmp_path}; " in refused.err
    assert "change to the folder that contains photos, or link it here" in refused.err
    assert not (tmp_path / "shipped").exists()


def test_a_link_is_as_good(project, at, tmp_path):
    (tmp_path / "photos").symlink_to(project / "photos")
    assert at(tmp_path, "run", project / "study.toml").row["had"] == 6
    assert at(tmp_path, "export", at.keys["prune"], "--out", tmp_path / "shipped").code == 0
