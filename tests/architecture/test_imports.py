"""No torch where none is needed: help, dry runs, planning, tables and all of the analysis."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "torchvision", "timm", "matplotlib", "sklearn", "ray")


def loaded(code, packages=HEAVY):
    """The heavy packages that are loaded once ``code`` has run."""
    script = f"import sys\n{code}\nprint(*[name for name in {packages!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split() if done.stdout.strip() else []


def command(*args):
    return f"from prunekit.cli.app import main\ntry: main({list(args)!r})\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    "args",
    [
        ("--help",),
        ("--version",),
        ("prune", "--help"),
        ("run", "recipes/quickstart.toml", "--dry-run"),
        ("status", "recipes/quickstart.toml"),
        ("recipe", "explain", "recipes/quickstart.toml"),
        ("list", "methods"),
        ("list", "archs"),
        ("list", "datasets"),
        ("list", "corruptions"),
        ("schema", "train"),
        ("ls",),
    ],
    ids=" ".join,
)
def test_commands_that_compute_nothing_load_no_torch(args, tmp_path, monkeypatch):
    monkeypatch.setenv("PRUNEKIT_STORE", str(tmp_path / "store"))
    assert loaded(command(*args)) == []


@pytest.mark.parametrize("args", [("show", "small"), ("ls", "measurements"), ("potential", "small")])
def test_commands_that_read_a_store_load_no_torch(args, trained, monkeypatch):
    monkeypatch.setenv("PRUNEKIT_STORE", str(trained[0]))
    assert loaded(command(*args)) == []


def test_the_analysis_loads_no_torch():
    names = sorted(
        path.stem for path in (ROOT / "src/prunekit/analysis").glob("*.py") if path.stem != "__init__"
    )
    assert names
    assert loaded("\n".join(f"import prunekit.analysis.{name}" for name in names)) == []


def test_the_package_itself_loads_no_torch():
    assert loaded("import prunekit") == []


def test_findings_of_a_store_load_no_torch():
    assert (
        loaded(
            "import prunekit.studies.findings, prunekit.studies.subject, prunekit.recipes.plan, prunekit.store.store"
        )
        == []
    )


RECIPE = """
[[stage]]
label = "parents"
run = ["train"]
arch = "resnet8"
dataset = "digits"
epochs = 1
batch_size = 64

[[stage]]
label = "pruned"
run = ["prune"]
parent = "parents"
method = "wt"
prune_ratio = 0.5

[[stage]]
label = "errors"
run = ["error"]
model = ["parents", "pruned"]
"""


def test_a_report_loads_no_torch_and_an_unchanged_one_nothing_that_computes_or_draws(
    trained, stranger, tmp_path, monkeypatch
):
    store, recipe = shutil.copytree(trained[0], tmp_path / "store"), tmp_path / "study.toml"
    recipe.write_text(RECIPE)
    assert stranger("run", recipe, store=store).code == 0
    monkeypatch.setenv("PRUNEKIT_STORE", str(store))
    report = command("report", "--recipe", str(recipe), "--out", str(tmp_path / "out"))
    assert loaded(report) == ["matplotlib"]
    assert loaded(report, (*HEAVY, "scipy", "jinja2")) == []


def processor_seconds(*command):
    before = os.times()
    subprocess.run(command, capture_output=True, check=True)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def test_the_help_page_is_quick():
    """In processor time, the best of three: a busy machine stretches the clock, and the first run reads the disk."""
    assert min(processor_seconds(sys.executable, "-m", "prunekit", "--help") for _ in range(3)) < 0.3
