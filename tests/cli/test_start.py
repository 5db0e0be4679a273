"""The first two commands that a person types."""

from pathlib import Path

from prunekit.cli.commands import start


def test_quickstart_runs_the_recipe_that_comes_along(cli, monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr(start, "run_recipe", lambda **given: asked.update(given))
    assert cli("quickstart", "--out", tmp_path / "page", "--jobs", "2").code == 0
    assert (asked["recipe"].name, asked["out"], asked["jobs"]) == ("quickstart.toml", tmp_path / "page", 2)
    assert asked["keep_going"] is True
    assert Path(asked["recipe"]).exists()


def test_doctor_says_what_is_here(cli):
    ran = cli("doctor", "--json")
    assert ran.code == 0, ran.err
    assert {"prunekit", "torch", "store"} <= {row["what"] for row in ran.rows}


def test_doctor_exits_with_1_where_something_needs_attention(cli, tmp_path):
    (tmp_path / "file").write_text("")
    ran = cli("doctor", "--json", store=tmp_path / "file")
    assert ran.code == 1
    assert "needs attention" in ran.err


def test_a_missing_package_is_one_line_with_the_remedy(cli, monkeypatch):
    def none(**given):
        raise ModuleNotFoundError("No module named 'torch'", name="torch._C")

    monkeypatch.setattr(start, "run_recipe", none)
    ran = cli("quickstart")
    assert ran.code == 2
    assert "this command needs torch: pip install torch torchvision timm" in ran.err
