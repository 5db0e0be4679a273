"""The comparison door from the terminal: predictions of two networks to verdicts, a gate and its exit codes."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

N = 3000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Logits of a parent, of a close descendant and of a bad one, as three people would hand them over."""
    folder, draws = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    labels = draws.integers(0, 4, N)
    logits = draws.normal(size=(N, 4)).astype(np.float32)
    logits[np.arange(N), labels] += 2
    ids = np.array([f"{place:05d}.png" for place in range(N)])
    close, bad = logits + draws.normal(size=logits.shape) * 0.01, logits + draws.normal(size=logits.shape)
    np.savez(folder / "dense.npz", logits=logits, labels=labels, ids=ids)
    order = draws.permutation(N)
    np.savez(folder / "close.npz", logits=close[order], labels=labels[order], ids=ids[order])
    rows = [
        {"id": str(ids[place]), "label": int(labels[place]), "logits": bad[place].tolist()} for place in order
    ]
    (folder / "bad.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def brought(cli, files):
    for args in (
        ("dense.npz", "--model", "dense"),
        ("close.npz", "--model", "int8", "--parent", "dense", "--method", "int8"),
        ("bad.jsonl", "--model", "half", "--parent", "dense", "--prune-ratio", "0.5"),
    ):
        ran = cli("outcomes", "add", files / args[0], *args[1:], "--distribution", "photos")
        assert ran.code == 0, ran.err
    return cli


def test_every_network_that_is_named_has_its_verdict(brought):
    rows = {
        row["network"]: row for row in brought("compare", "dense", "int8", "half", "--margin", "0.01").rows
    }
    assert {name: row["verdict"] for name, row in rows.items()} == {"int8": "within", "half": "beyond"}


def test_the_gate_exits_with_4_and_says_why(brought, tmp_path):
    assert brought("compare", "dense", "int8", "--margin", "0.01", "--gate").code == 0
    junit, table = tmp_path / "v.xml", tmp_path / "v.md"
    ran = brought(
        *("compare", "dense", "int8", "half", "--margin", "0.01", "--gate"),
        *("--junit", junit, "--markdown", table),
    )
    assert ran.code == 4
    assert ran.err.startswith("gate: half on photos: error rises by")
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert "| half | photos |" in table.read_text()


def test_undecided_fails_unless_it_may_pass(brought):
    args = ("compare", "dense", "int8", "--margin", "0.0001", "--gate")
    assert brought(*args).code == 4
    assert brought(*args, "--undecided", "pass").code == 0
    wrong = brought(*args, "--undecided", "maybe")
    assert (wrong.code, "pass, fail" in wrong.err) == (2, True)


def test_classes_have_verdicts_of_their_own(brought):
    rows = brought("compare", "dense", "half", "--per-class").rows
    assert [row["member"] for row in rows if row["finding"] == "comparison-slice"] == ["0", "1", "2", "3"]


def test_broken_images_are_named(brought):
    (row,) = brought("compare", "dense", "half").rows
    broken = brought("compare", "dense", "half", "--broken").rows
    assert len(broken) == row["broken"]
    assert broken[0]["image"].endswith(".png")
    assert all(each["parent_predicted"] == each["label"] != each["predicted"] for each in broken)


def test_a_round_trip_through_export_gives_identical_rows(brought, tmp_path):
    (before,) = brought("compare", "dense", "half").rows
    for name, more in (("dense", ()), ("half", ("--parent", "dense", "--prune-ratio", "0.5"))):
        brought("outcomes", "export", name, "--out", tmp_path / f"{name}.csv")
        ran = brought(
            *(
                "outcomes",
                "add",
                tmp_path / f"{name}.csv",
                "--model",
                name,
                "--distribution",
                "photos",
                *more,
            ),
            store=tmp_path / "second",
        )
        assert ran.code == 0, ran.err
    (after,) = brought("compare", "dense", "half", store=tmp_path / "second").rows
    assert after == before


def test_potential_and_report_follow_from_predictions(brought, tmp_path):
    ran = brought("potential", "half", "--margin", "0.5", "--distribution", "photos")
    assert ran.code == 0, ran.err
    assert ran.rows[0]["value"] == 0.5
    page = brought("report", "half", "--out", tmp_path / "page")
    assert page.code == 0, page.err


def test_predictions_that_are_missing_cannot_be_measured(brought):
    ran = brought("compare", "dense", "int8", "--distribution", "night")
    assert ran.code == 2
    assert "is known by its predictions alone: add those on night" in ran.err


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("compare", "dense", "dense"), "is the parent itself"),
        (("compare", "dense", "none"), "none"),
        (("compare", "dense", "int8", "--margin", "2"), "margin"),
        (
            ("outcomes", "add", "none.npz", "--model", "x", "--distribution", "photos"),
            "there is no such file",
        ),
        (("outcomes", "export", "dense", "--out", "x.txt"), "unknown ending"),
        (("outcomes", "export", "dense", "--distribution", "night"), "no outcomes of"),
    ],
)
def test_bad_input_is_one_line(brought, args, why):
    ran = brought(*args)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert why in ran.err


def test_names_and_ratios_are_of_descendants(cli, files):
    ran = cli(
        *("outcomes", "add", files / "dense.npz", "--model", "x", "--distribution", "photos"),
        *("--prune-ratio", "0.5"),
    )
    assert (ran.code, "name its --parent" in ran.err) == (2, True)
