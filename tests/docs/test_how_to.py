"""The how-to pages do what they say: their files are written, their commands run, in order."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pages
import pytest

pytestmark = pytest.mark.timeout(900)  # minutes of the wall clock where other work runs beside it
DOCS = Path(__file__).resolve().parents[2] / "docs"
CLEAN, FOG, NOISE = "folder:photos", "folder:photos+fog@2", "folder:photos+gaussian@0.1"


def ran(page, folder, **options):
    done = pages.run(DOCS / page, folder, **options)
    last = done[-1]
    assert last.returncode == 0, f"{last.args[-1]}\n{last.stdout[-500:]}\n{last.stderr[-2000:]}"
    return done


def said(done, command):
    """The rows of the commands that hold these words."""
    return [
        json.loads(line)
        for each in done
        if command in each.args[-1]
        for line in each.stdout.splitlines()
        if line.startswith("{")
    ]


@pytest.fixture(scope="module")
def beginning(tmp_path_factory):
    """The tutorial's first three sections: photos, a network, and a store that holds it."""
    folder = tmp_path_factory.mktemp("beginning")
    ran("tutorials/your-network.md", folder, until="## 4.")
    return folder


@pytest.fixture
def begun(beginning, tmp_path):
    return Path(shutil.copytree(beginning, tmp_path / "mine"))


@pytest.mark.slow
def test_networks_that_other_tools_pruned(begun):
    pytest.importorskip("torch_pruning", reason="Torch-Pruning is not installed")
    done = ran("how-to/other-tools.md", begun)
    sparse, narrow = said(done, "prunekit import")
    assert 0.25 < sparse["prune_ratio"] < 0.3
    assert 0.3 < narrow["prune_ratio"] < 0.5
    rows = said(done, "--per-class")
    found = {(row["network"], row["distribution"]) for row in rows if row["finding"] == "comparison"}
    assert found == {(n, d) for n in ("sparse", "narrow") for d in (CLEAN, "folder:photos+fog@3")}
    classes = [row["member"] for row in rows if row.get("slice") == "class"]
    assert sorted(set(classes)) == [f"digit-{number}" for number in range(10)]
    assert len(classes) == 40
    assert (begun / "verdicts" / "index.html").exists()


@pytest.mark.slow
def test_onnx_in_fp32_flips_nothing_and_int8_is_measured(begun):
    pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
    pytest.importorskip("onnxscript", reason="the extra `onnx` is not installed")
    done = ran("how-to/onnx.md", begun)
    fp32 = said(done, "compare dense fp32")
    assert [row["distribution"] for row in fp32] == [CLEAN, FOG, NOISE]
    assert [(row["broken"], row["fixed"], row["agreement"]) for row in fp32] == [(0, 0, 1)] * 3
    whole, small = said(done, "prunekit import")
    assert whole["bits"] == 32
    assert whole["error"] == pytest.approx(fp32[0]["parent_error"], abs=1e-8)
    assert (whole["prune_ratio"], small["prune_ratio"]) == (0, 0)
    assert small["bytes"] < whole["bytes"] / 2
    int8 = [row for row in said(done, "compare dense int8 --margin") if row["finding"] == "comparison"]
    assert [row["distribution"] for row in int8] == [CLEAN, FOG, NOISE]
    assert all(row["agreement"] > 0.9 for row in int8)
    fog = next(row for row in int8 if row["distribution"] == FOG)
    broken = said(done, "--broken")
    assert len(broken) == fog["broken"]
    assert all(row["image"].endswith(".png") for row in broken)


def test_predictions_from_elsewhere(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra `hf` is not installed")
    done = ran("how-to/predictions.md", tmp_path)
    added = said(done, "outcomes add")
    assert [row["label"] for row in added] == ["dense", "half", "fifth", "tiny"]
    whole = [row for row in said(done, "compare") if row["finding"] == "comparison"]
    assert [row["error"] for row in whole] == pytest.approx([row["error"] for row in added[1:]], abs=1e-8)
    assert [row["agreement"] for row in whole] == sorted((row["agreement"] for row in whole), reverse=True)
    assert len([row for row in said(done, "compare") if row.get("slice") == "class"]) == 30
    rows = said(done, "potential")
    (overall,) = [row for row in rows if row["finding"] == "potential"]
    rises = {
        ratio: row["error"] - added[0]["error"]
        for ratio, row in zip((0.5, 0.8, 0.95), added[1:], strict=True)
    }
    assert overall["value"] == max(ratio for ratio, rise in rises.items() if rise <= 0.02) == 0.5
    assert len([row for row in rows if row["finding"] == "class-potential"]) == 10
    assert (tmp_path / "report" / "index.html").exists()


def test_a_gate_exits_as_its_page_says(tmp_path):
    done = ran("how-to/gate.md", tmp_path)
    gates = {each.args[-1].split("prunekit ")[1]: each for each in done if "--gate" in each.args[-1]}
    exits = [each.stdout.splitlines()[-1] for each in gates.values()]
    assert exits == ["exit 0", "exit 4", "exit 4", "exit 0", "exit 2"]
    verdicts = [row["verdict"] for row in said(done, "--gate")]
    assert verdicts == ["within", "beyond", "undecided", "undecided"]
    assert "far" in list(gates.values())[1].stderr
    assert "<failure" in (tmp_path / "far.xml").read_text()
    assert "<failure" not in (tmp_path / "close.xml").read_text()
    assert "close" in (tmp_path / "close.md").read_text()


@pytest.mark.parametrize("name", ["in_memory.py", "predictions.py"])
def test_programs_of_the_page_on_python_run(name, tmp_path):
    (block,) = [each for each in pages.blocks(DOCS / "python.md") if each.file == name]
    (tmp_path / name).write_text(block.text)
    done = subprocess.run([sys.executable, name], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    assert list((tmp_path / "figures").glob("*.svg"))
    if name == "in_memory.py":
        shown = re.search(r"# (\{.*\})", block.text)[1]
        assert done.stdout.splitlines()[0] == shown
        assert (tmp_path / "report" / "index.html").exists()


@pytest.mark.slow
def test_the_notebook_runs_from_a_training_loop_to_a_data_frame_and_a_figure(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    for needed in ("ipykernel", "pandas"):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    notebook = nbformat.read(DOCS / "how-to" / "notebook.ipynb", as_version=4)
    assert [cell for cell in notebook.cells if cell.get("outputs")] == []  # kept without outputs
    specs = {"argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    kernel = tmp_path / "kernels" / "here"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps(specs | {"display_name": "here", "language": "python"}))
    manager = pytest.importorskip("jupyter_client").manager.KernelManager(kernel_name="here")
    manager.kernel_spec_manager.kernel_dirs = [str(tmp_path / "kernels")]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, km=manager, timeout=600, resources=resources).execute()
    last = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    errors, table, figure = (each[-1]["data"] for each in (last[1], last[3], last[4]))
    assert "'clean': 0.0" in errors["text/plain"]
    assert table["text/html"].count("<tr") == 1 + 9
    assert "97% pruned" in table["text/html"]
    assert "<svg" in figure["text/html"]
