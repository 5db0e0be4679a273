"""A dry run estimates steps, FLOPs and time; the rows of its steps stay as they are."""

from pathlib import Path

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
STATES = {"state", "stage", "kind", "key", "what"}


def test_a_dry_run_of_the_paper_s_study_needs_none_of_its_images(cli, tmp_path):
    ran = cli("run", RECIPES / "cifar10" / "resnet20.toml", "--dry-run", "--calibrate", "--jobs", "2")
    assert ran.code == 0, ran.err
    steps = [row for row in ran.rows if "forecast" not in row]
    *stages, total = [row for row in ran.rows if "forecast" in row]
    assert ran.rows[: len(steps)] == steps
    assert all(set(row) == STATES for row in steps)
    assert [row["stage"] for row in stages] == [
        "parents",
        "longer",
        "pruned",
        "errors",
        "similarity",
        "control",
    ]
    assert total["steps"] == len(steps) == sum(row["steps"] for row in stages)
    assert total["flops"] == sum(row["flops"] for row in stages)
    # 3 seeds x 182 epochs x 45,000 images x 3 passes, and 15,000 images measured, 40,813,184 multiplications each
    assert stages[0]["flops"] == 3 * (182 * 45_000 * 3 + 15_000) * 2 * 40_813_184
    assert total["seconds"] > 0
    assert "FLOPs, about " in ran.err
    assert "with --jobs 2\n" in ran.err
    assert not (tmp_path / "store").exists()


def test_without_a_calibration_a_dry_run_answers_at_once(cli):
    ran = cli("run", RECIPES / "quickstart.toml", "--dry-run", "--no-calibrate")
    can_show, to_make = ran.err.splitlines()
    assert to_make.startswith(f"{len(ran.rows)} steps to make, no time forecast")
    assert can_show.endswith("n = 359: a rise of 4.2 points")
    assert all(set(row) == STATES for row in ran.rows)
