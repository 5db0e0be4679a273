"""Where output cannot go is said before anything is made, measured or drawn."""

import shutil

import pytest

from prunekit.base import files

RECIPE = """
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "folder:{images}"
epochs = 1
batch_size = 2
"""


@pytest.fixture
def store(trained, tmp_path):
    shutil.copytree(trained[0], tmp_path / "store")
    return tmp_path / "store"


@pytest.fixture
def taken(tmp_path):
    """A file where a folder should be, and a page that no report wrote."""
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("mine")
    return tmp_path


@pytest.mark.parametrize("out", ["taken", "taken/below", "page", "a" * 300])
def test_a_run_makes_no_step_where_its_report_could_not_go(cli, folder, taken, out):
    (taken / "study.toml").write_text(RECIPE.format(images=folder))
    ran = cli("run", taken / "study.toml", "--out", taken / out)
    assert ran.code == 2
    assert "cannot write" in ran.err or "File name too long" in ran.err
    assert cli("ls").out == ""
    assert (taken / "taken").read_text() == (taken / "page" / "index.html").read_text() == "mine"


def test_a_disk_without_space_is_said_before_training_and_before_a_report(cli, folder, tmp_path, monkeypatch):
    (tmp_path / "study.toml").write_text(RECIPE.format(images=folder))
    full = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda place: full)
    ran = cli("run", tmp_path / "study.toml", "--out", tmp_path / "report")
    assert ran.code == 1
    assert "cannot write the report to" in ran.err
    ran = cli("run", tmp_path / "study.toml")
    assert ran.code == 1
    assert "cannot write the network to" in ran.err
    assert "MB, but only 0.0 MB are free" in ran.err
    assert not list((tmp_path / "store").rglob("*.safetensors"))


@pytest.mark.parametrize("command", ["report", "export", "outcomes", "compare"])
def test_commands_that_write_look_first(cli, store, taken, command):
    words = {
        "report": ("report", "small", "--out", taken / "taken"),
        "export": ("export", "small", "--out", taken / "taken" / "x"),
        "outcomes": ("outcomes", "export", "small", "--out", taken / "taken" / "x.csv"),
        "compare": ("compare", "small", "small", "--junit", taken / "taken" / "x.xml"),
    }[command]
    ran = cli(*words, store=store)
    assert ran.code == 2
    assert "cannot write" in ran.err or "is not an empty folder" in ran.err
    assert "Traceback" not in ran.err
    assert (taken / "taken").read_text() == "mine"


def test_a_recipe_of_a_folder_with_quotes_in_its_name_runs(cli, folder, tmp_path):
    odd = folder.rename(tmp_path / 'my "best" \\ photos')
    out = tmp_path / "mine.toml"
    ran = cli("recipe", "init", "--arch", "resnet8", "--dataset", f"folder:{odd}", "--out", out)
    assert ran.code == 0, ran.err
    assert cli("recipe", "validate", out).code == 0
    refused = cli("recipe", "init", "--arch", "resnet8", "--dataset", f"folder:{odd}", "--out", out)
    assert (refused.code, f"{out} exists" in refused.err) == (2, True)
    ran = cli("recipe", "init", "--arch", "resnet8", "--dataset", f"folder:{odd}", "--out", out / "x.toml")
    assert (ran.code, "Traceback" in ran.err) == (1, False)
