"""Undocumented means absent: every command, row and recipe is in the docs, and the reference is current."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from prunekit.analysis.findings import FINDINGS
from prunekit.cli.app import COMMANDS
from prunekit.data.corruptions.table import CORRUPTION_ROWS
from prunekit.data.datasets import DATASETS
from prunekit.data.sets import SETS
from prunekit.models.archs import ARCHS
from prunekit.pruning.methods import METHODS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (METHODS, "methods.md"),
        (ARCHS, "networks.md"),
        (DATASETS, "datasets.md"),
        (CORRUPTION_ROWS, "corruptions.md"),
        (FINDINGS, "findings.md"),
        (SETS, "recipes.md"),
        (COMMANDS, "cli.md"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_row_is_documented(rows, name):
    text = page(name)
    assert [row for row in rows if not re.search(rf"(?<![\w-]){re.escape(row)}(?![\w-])", text)] == []


def test_the_command_reference_is_current():
    done = subprocess.run(
        [sys.executable, DOCS / "write_reference.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_every_recipe_is_documented():
    recipes = {
        path.parent.name
        for path in (ROOT / "recipes").rglob("*.toml")
        if path.parent.name not in ("recipes", "shared")
    }
    text = page("recipes.md")
    assert [folder for folder in recipes if f"recipes/{folder}/" not in text] == []
    assert [path.name for path in (ROOT / "recipes").glob("*.toml") if path.name not in text] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = path.read_text(encoding="utf-8")
    targets = [
        target for target in re.findall(r"\]\(([^)#\s]+)", text) if not target.startswith(("http:", "https:"))
    ]
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_in_the_docs_exist(path):
    used = set(re.findall(r"^\$ (?:.*\| )?prunekit ([a-z]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert used <= set(COMMANDS)


def test_pages_name_no_machine():
    pages = [*PAGES, *DOCS.glob("decisions/*.md")]
    assert [
        path.name
        for path in pages
        if re.search(r"(?<![\w.])/(tmp|work|root)/", path.read_text(encoding="utf-8"))
    ] == []


def test_every_page_is_in_the_sites_navigation():
    nav = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = [
        *DOCS.glob("*.md"),
        *(page for folder in ("tutorials", "how-to") for page in (DOCS / folder).glob("*.md")),
    ]
    assert [
        name for page in pages if (name := page.relative_to(DOCS).as_posix()) and f'"{name}"' not in nav
    ] == []


def test_a_published_page_is_drawn_again_from_its_rows(tmp_path):
    rows = [{"finding": "churn", "method": "wt", "prune_ratio": 0.5, "value": 0.25, "seed_set": [0, 1]}]
    (tmp_path / "study.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    command = [sys.executable, DOCS / "draw_findings.py", tmp_path / "study.json.gz", "--margin", "0.02"]
    subprocess.run([*command, "--recipe", ROOT / "recipes" / "quickstart.toml"], check=True, timeout=120)
    drawn = (tmp_path / "study.html").read_text(encoding="utf-8")
    assert "Quickstart: a small ResNet on handwritten digits" in drawn
    assert 'id="churn"' in drawn
