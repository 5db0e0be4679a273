"""The tutorials do what they say: their files are written, their commands run, in order, in an empty folder."""

import json
from pathlib import Path

import pages
import pytest
from PIL import Image

from prunekit.report.figures import FIGURES

TITLES = {figure.title for figure in FIGURES.values()}
TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"


def ran(name, folder):
    done = pages.run(TUTORIALS / f"{name}.md", folder)
    last = done[-1]
    assert last.returncode == 0, f"{last.args[-1]}\n{last.stdout[-500:]}\n{last.stderr[-2000:]}"
    return done


@pytest.mark.timeout(900)  # fifteen processes, each of which imports torch
def test_your_network(tmp_path):
    done = ran("your-network", tmp_path)
    sizes = {Image.open(path).size for path in (tmp_path / "photos").rglob("*.png")}
    assert len(sizes) == 3
    (imported,) = [each for each in done if "import" in each.args[-1]]
    assert json.loads(imported.stdout)["error"] < 0.2  # measured with the loop's own mean and std
    (potential,) = [each for each in done if "potential" in each.args[-1]]
    rows = [json.loads(line) for line in potential.stdout.splitlines()]
    found = {row["distribution"] for row in rows if row["finding"] == "potential"}
    assert found >= {"folder:photos", "folder:photos+fog@2", "folder:photos+gaussian_noise@2"}
    assert (tmp_path / "report" / "index.html").stat().st_size > 50_000
    assert (tmp_path / "report" / "figures" / "potential.svg").exists()
    assert list((tmp_path / "shipped").glob("*.safetensors"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_first_report(tmp_path):
    ran("first-report", tmp_path)
    assert (tmp_path / "study" / "index.html").exists()
    assert (tmp_path / "study-2" / "index.html").exists()


def test_every_figure_is_explained_with_how_to_misread_it():
    text = (TUTORIALS / "reading.md").read_text(encoding="utf-8")
    rows = {
        line.split("|")[1].strip(): line.split("|")[2:4]
        for line in text.splitlines()
        if line.startswith("| ")
    }
    assert [figure.title for figure in FIGURES.values() if figure.title not in rows] == []
    assert [name for name, cells in rows.items() if name in TITLES and not all(map(str.strip, cells))] == []
