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
    again = ("compare", "dense", "int8", "--margin", "0.01", "--gate", "--junit", junit, "--markdown", table)
    assert brought(*again).code == 0  # they were ours
    assert "| half | photos |" not in table.read_text()


def test_what_needs_a_network_says_that_there_are_only_predictions(brought, tmp_path):
    for command in (("export", "int8", "--out", tmp_path / "net"), ("show", "int8", "--latency")):
        ran = brought(*command)
        assert (ran.code, ran.out) == (2, "")
        assert "only its predictions are stored, so there is no network to run" in ran.err


@pytest.mark.parametrize("name", ["--junit", "--markdown", "--out"])
def test_a_file_of_the_users_own_is_not_written_over(brought, tmp_path, name):
    mine = tmp_path / "mine.csv"
    mine.write_text("my own work")
    command = ("outcomes", "export", "dense") if name == "--out" else ("compare", "dense", "int8")
    ran = brought(*command, name, mine)
    assert (ran.code, ran.out, "mine.csv exists, and was not written by prunekit" in ran.err) == (2, "", True)
    assert mine.read_text() == "my own work"


def test_undecided_fails_unless_it_may_pass(brought):
    args = ("compare", "dense", "int8", "--margin", "0.0001", "--gate")
    assert brought(*args).code == 4
    assert brought(*args, "--undecided", "pass").code == 0
    wrong = brought(*args, "--undecided", "maybe")
    assert (wrong.code, "pass, fail" in wrong.err) == (2, True)


def test_a_parent_that_only_guesses_passes_no_gate(cli, tmp_path):
    """Nothing can be lost there, so that an unchanged network would pass whatever it is."""
    labels = np.arange(2000) % 4
    logits = np.random.default_rng(0).normal(size=(2000, 4))
    np.savez(tmp_path / "dense.npz", logits=logits, labels=labels)
    for more in (("--model", "dense"), ("--model", "same", "--parent", "dense")):
        assert cli("outcomes", "add", tmp_path / "dense.npz", *more, "--distribution", "fog").code == 0
    table = tmp_path / "v.md"
    ran = cli("compare", "dense", "same", "--margin", "0.01", "--gate", "--markdown", table)
    assert (ran.code, ran.rows[0]["verdict"], ran.rows[0]["flags"]) == (4, "within", ["parent-at-chance"])
    assert "proves nothing: the parent is no better than guessing there (error 7" in ran.err
    assert "| ? parent at chance |" in table.read_text()
    assert cli("compare", "dense", "same", "--margin", "0.01", "--gate", "--undecided", "pass").code == 0


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
        for ending in ("csv", "csv", "jsonl", "jsonl"):  # the second time over its own
            ran = brought("outcomes", "export", name, "--out", tmp_path / f"{name}.{ending}")
            assert ran.code == 0, ran.err
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
    assert "are stored: add those on night" in ran.err


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
    assert (ran.code, "name it with --parent" in ran.err) == (2, True)


@pytest.fixture
def cameras(files, tmp_path):
    """Images of two cameras: the bad network breaks as many of either, the last hundred images are of neither."""
    path = tmp_path / "cameras.csv"
    rows = [f"{place:05d}.png,{'ab'[place % 2]}" for place in range(N - 100)]
    path.write_text("\n".join(["file,camera", *rows]) + "\n")
    return path


def test_groups_have_verdicts_of_their_own(brought, cameras):
    ran = brought("compare", "dense", "half", "--groups", cameras)
    assert "100 of 3000 images of photos are in no group of" in ran.err
    main, *groups = ran.rows
    assert [(row["slice"], row["grouping"], row["member"], row["n"]) for row in groups] == [
        ("group", "camera", "a", 1450),
        ("group", "camera", "b", 1450),
    ]
    broken = [int(each["image"][:5]) for each in brought("compare", "dense", "half", "--broken").rows]
    assert [row["broken"] for row in groups] == [
        sum(place % 2 == camera and place < N - 100 for place in broken) for camera in (0, 1)
    ]
    worst = max(groups, key=lambda row: row["value"])
    assert (main["worst_grouping"], main["worst_group"]) == ("camera", worst["member"])
    assert main["worst_group_rise"] == worst["value"]


def test_the_gate_is_also_of_groups(brought, cameras, tmp_path):
    table, junit = tmp_path / "v.md", tmp_path / "v.xml"
    gated = ("compare", "dense", "half", "--margin", "0.9", "--gate", "--groups", cameras)
    assert brought(*gated, "--markdown", table, "--junit", junit).code == 0
    assert "worst group" in table.read_text()
    assert [case.get("name") for case in ElementTree.parse(junit).iter("testcase")] == [
        "photos",
        "photos · camera · a",
        "photos · camera · b",
    ]
    ran = brought("compare", "dense", "int8", "--margin", "0.0005", "--gate", "--groups", cameras)
    assert ran.code == 4
    assert "gate: int8 on camera a, photos: error rises by" in ran.err


def test_groups_are_findings_of_potential_and_report(brought, cameras, tmp_path):
    rows = brought(
        "potential", "half", "--margin", "0.9", "--groups", cameras, "--distribution", "photos"
    ).rows
    by_group = {row["group"]: row["value"] for row in rows if row["finding"] == "group-potential"}
    assert by_group == {"a": 0.5, "b": 0.5}
    ran = brought("report", "half", "--groups", cameras, "--title", "Two cameras", "--out", tmp_path / "page")
    assert ran.code == 0, ran.err
    found = json.loads((tmp_path / "page" / "findings.json").read_text())
    shifts = [row for row in found if row["finding"] == "group-shift"]
    assert [row["group"] for row in shifts] == ["a", "b"]
    compared = brought("compare", "dense", "half", "--groups", cameras).rows[1:]
    assert [-row["value"] for row in shifts] == pytest.approx([row["value"] for row in compared])
    page = (tmp_path / "page" / "index.html").read_text()
    assert "<title>Two cameras</title>" in page
    assert "Accuracy by group" in page


def test_a_file_of_other_images_is_refused(brought, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("file,camera\nnone.png,a\n")
    ran = brought("compare", "dense", "half", "--groups", other)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "names no image of these distributions" in ran.err


def test_the_divergence_of_brought_outputs_is_measured(brought, files):
    (row,) = brought("compare", "dense", "half").rows
    arrays = np.load(files / "dense.npz")
    bad = {
        each["id"]: each["logits"] for each in map(json.loads, (files / "bad.jsonl").read_text().splitlines())
    }
    own = np.array([bad[name] for name in arrays["ids"]], dtype=np.float32).astype(float)
    reference = arrays["logits"].astype(float)
    own, reference = (each - np.log(np.exp(each).sum(1, keepdims=True)) for each in (own, reference))
    expected = (np.exp(reference) * (reference - own)).sum(1).mean()
    assert row["kl"] == pytest.approx(expected, rel=1e-6)
    assert row["among"] is None


def test_without_outputs_the_divergence_is_said_to_be_unknown(brought, files, tmp_path):
    arrays = np.load(files / "close.npz")
    np.savez(
        tmp_path / "alone.npz",
        predicted=arrays["logits"].argmax(1),
        labels=arrays["labels"],
        ids=arrays["ids"],
    )
    add = ("outcomes", "add", tmp_path / "alone.npz", "--model", "alone", "--parent", "dense")
    assert brought(*add, "--distribution", "photos").code == 0
    (row,) = brought("compare", "dense", "alone").rows
    assert (row["kl"], row["nll"], row["verdict"]) == (None, None, "within")


def test_the_page_of_a_comparison_speaks_of_networks_not_of_ratios(brought, cameras, tmp_path):
    ran = brought(
        *("compare", "dense", "int8", "half", "--groups", cameras, "--margin", "0.01"),
        *("--out", tmp_path / "page", "--title", "Which one to ship"),
    )
    assert ran.code == 0, ran.err
    page = (tmp_path / "page" / "index.html").read_text()
    assert "<title>Which one to ship</title>" in page
    assert "half: beyond the margin somewhere; int8: within the margin everywhere." in page
    for text in (
        "Other changes besides the error",
        "Rise in error by distribution",
        "the group with the largest rise in error is",
    ):
        assert text in page
    for text in ("potential", "pruned", "Accuracy against prune ratio"):
        assert text not in page.split("<main>")[1].split('id="lineage"')[0], text
    assert {each.name for each in (tmp_path / "page" / "figures").glob("*.svg")} == {
        "comparison.svg",
        "comparison-class.svg",
        "comparison-camera.svg",
    }
    again = brought("compare", "dense", "int8", "--title", "x")
    assert (again.code, "give the page's folder with --out" in again.err) == (2, True)
