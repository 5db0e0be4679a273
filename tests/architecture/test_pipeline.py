"""The pipeline runs make targets alone, and every one that it names exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github").rglob("*.yml"))
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_step_is_a_make_target_that_exists(path):
    commands = re.findall(r"- run: (.*)", path.read_text(encoding="utf-8"))
    assert [command for command in commands if not re.fullmatch(r"make [a-z-]+", command)] == []
    assert {command.removeprefix("make ") for command in commands} <= TARGETS


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_workflow_or_form_is_sound_yaml(path):
    yaml = pytest.importorskip("yaml", reason="PyYAML reads the workflows")
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert document["name"]
    if path in WORKFLOWS:
        assert all(job["timeout-minutes"] and job["steps"] for job in document["jobs"].values())


def test_permissions_are_narrow():
    """Only the job that publishes may ask for a token, and it holds no secret."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in WORKFLOWS}
    assert [name for name, text in texts.items() if "permissions:" not in text or "secrets." in text] == []
    assert [name for name, text in texts.items() if "id-token: write" in text] == ["release.yml"]
