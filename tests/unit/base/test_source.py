"""A digest of the user's own code, of nothing else, and without importing it."""

import pytest

from prunekit.base import source
from prunekit.base.source import digest_of


@pytest.fixture(autouse=True)
def _new_process(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    source._digest.cache_clear()
    yield
    source._digest.cache_clear()


def _anew(target):
    source._digest.cache_clear()
    return digest_of(target)


def test_a_module_is_known_by_its_text_and_is_not_run(tmp_path):
    (tmp_path / "nets.py").write_text("raise SystemExit(1)")
    before = digest_of("nets:build")
    assert len(before) == 32
    (tmp_path / "unrelated.py").write_text("x = 1")
    assert _anew("nets:other") == before
    (tmp_path / "nets.py").write_text("raise SystemExit(2)")
    assert digest_of("nets:build") == before  # what this process has imported is what it was
    assert _anew("nets:build") != before


def test_what_it_imports_from_its_own_folder_counts(tmp_path):
    (tmp_path / "nets.py").write_text("import os\nfrom blocks import Block")
    (tmp_path / "blocks.py").write_text("import inner.core")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "core.py").write_text("size = 1")
    before = digest_of("nets:build")
    (tmp_path / "inner" / "core.py").write_text("size = 2")
    assert _anew("nets:build") != before


def test_every_file_of_a_package_counts(tmp_path):
    (tmp_path / "mine").mkdir()
    for name in ("__init__", "nets", "more"):
        (tmp_path / "mine" / f"{name}.py").write_text("")
    before = digest_of("mine.nets:build")
    (tmp_path / "mine" / "more.py").write_text("x = 1")
    assert _anew("mine.nets:build") != before


@pytest.mark.parametrize("text", ["def (", "\0", "(" * 500 + ")" * 500, "é"])
def test_a_module_that_is_no_python_has_a_digest_too(tmp_path, text):
    (tmp_path / "nets.py").write_text(text)
    assert len(digest_of("nets:build")) == 32


def test_there_is_none_where_there_is_no_module():
    assert digest_of("nowhere_at_all:build") == ""


def test_an_installed_package_is_known_by_its_files():
    assert len(digest_of("pydantic.main:BaseModel")) == 32


def test_a_module_of_python_itself_does_not_take_all_of_python_with_it(monkeypatch):
    monkeypatch.setattr(source, "_imported", lambda path: pytest.fail(f"{path} was read for its imports"))
    assert len(digest_of("queue:build")) == 32
    assert len(digest_of("json.decoder:build")) == 32
