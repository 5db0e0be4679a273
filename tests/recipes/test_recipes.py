"""Every recipe plans and its names resolve; the quickstart, cut short, runs, and a second run makes nothing."""

import json
from pathlib import Path

import pytest

from prunekit.recipes.file import read
from prunekit.recipes.plan import check, plan
from prunekit.steps.table import check_names

ROOT = Path(__file__).resolve().parents[2] / "recipes"
RECIPES = sorted(path for path in ROOT.rglob("*.toml") if path.parent.name != "shared")

TINY = (
    "parents.epochs=1",
    "separate.epochs=1",
    *(f"{stage}.epochs=1" for stage in ("longer", "longer-2", "longer-3", "longer-4")),
    "pruned.sweep.method=['wt', 'ft']",
    "pruned.sweep.prune_ratio=[0.5]",
    "errors.sweep.distribution=['{data}', '{data}+gaussian_noise@3', '{data}+uniform@0.3']",
    "similarity.images=4",
    "similarity.draws=2",
    "similarity.levels=[0.0, 0.3]",
    "control.images=4",
    "control.draws=2",
    "control.levels=[0.0, 0.3]",
    "features.where.prune_ratio=[0.5]",
    "transfer.where.prune_ratio=[0.5]",
)
# The same stages on the six images of a folder, which take seconds.
FEW = tuple(
    f"{stage}.{assignment}"
    for stage in ("parents", "separate")
    for assignment in ("dataset='{data}'", "batch_size=2")
)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_recipe_plans_and_its_names_resolve(path):
    here = ["vars.dataset='digits'"] if path.name.startswith("folder-") else []  # its folder is the user's
    steps = plan(read(path, here))
    check(steps, check_names)
    keys = [step.params.key for step in steps]
    assert len(keys) == len(set(keys)) > 10
    assert {step.params.kind for step in steps} >= {"train", "prune", "retrain", "error"}


def test_the_papers_grid_is_whole():
    """As in the configuration of the authors' code (torchprune) for resnet20: 23 ratios; 3 seeds, 4 methods."""
    steps = plan(read(ROOT / "cifar10" / "resnet20.toml"))
    assert sum(step.params.kind == "prune" for step in steps) == 3 * 4 * 23
    first = next(step.params for step in steps if step.params.kind == "train")
    assert (first.epochs, first.batch_size, first.lr, first.milestones) == (182, 128, 0.1, (91, 136))


@pytest.mark.parametrize("data", [pytest.param("digits", marks=pytest.mark.slow), "folder:{folder}"])
def test_the_quickstart_runs_reports_and_then_makes_nothing(data, cli, folder, tmp_path):
    more = () if data == "digits" else FEW
    data = data.format(folder=folder)
    settings = [word for each in (*TINY, *more) for word in ("--set", each.format(data=data))]
    command = ("run", ROOT / "quickstart.toml", "--threads", "1", "--out", tmp_path / "study", *settings)
    first = cli(*command)
    assert first.code == 0, first.err
    assert first.row["failed"] == 0
    assert first.row["made"] > 10
    report = {
        path.relative_to(tmp_path): path.read_bytes()
        for path in (tmp_path / "study").rglob("*")
        if path.is_file()
    }
    assert any(path.name == "index.html" for path in report)
    stored = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    second = cli(*command)
    assert (second.code, second.row["made"]) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")} == stored
    again = {
        path.relative_to(tmp_path): path.read_bytes()
        for path in (tmp_path / "study").rglob("*")
        if path.is_file()
    }
    assert again == report
    assert cli("status", ROOT / "quickstart.toml", *settings).code == 0


SMALL = """
title = "{title}"
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "folder:{folder}"
epochs = 1
batch_size = 2
{more}
[[stage]]
label = "pruned"
run = ["prune", "retrain"]
parent = "parents"
method = "wt"
prune_ratio = 0.5
mode = "none"
[[stage]]
label = "errors"
run = ["error"]
model = ["parents", "pruned"]
sweep = {{ distribution = ["folder:{folder}", "folder:{folder}+fog@3"] }}
"""


def test_recipes_are_reported_side_by_side(folder, tmp_path, cli):
    """Robust networks of one recipe beside the ordinary ones of another."""
    recipes = []
    for title, more in (("plain", ""), ("robust", f'train_distribution = "folder:{folder}+mix1"')):
        path = tmp_path / f"{title}.toml"
        path.write_text(SMALL.format(title=title, folder=folder, more=more))
        assert cli("run", path, "--threads", "1").code == 0
        recipes += ["--recipe", path]
    both = cli("report", *recipes, "--out", tmp_path / "both")
    assert both.code == 0, both.err
    rows = json.loads((tmp_path / "both" / "findings.json").read_text())
    trained = {row["train_distribution"] for row in rows if row["finding"] == "potential"}
    assert trained == {None, f"folder:{folder}+mix1"}
    assert any(row["finding"] == "robust-gain" for row in rows)
    page = (tmp_path / "both" / "index.html").read_text()
    assert "plain · robust" in page
    assert "Verdicts" in page
