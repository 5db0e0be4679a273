"""The digest of code: any file of the package, any version of a library, and no file that Python caches."""

import sys

import pytest

from prunekit.base.own_code import digest_of_code


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "some_package_of_a_test"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "page.html").write_text("a page")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    sys.modules.pop(folder.name, None)


def digest(folder, *libraries):
    digest_of_code.cache_clear()
    return digest_of_code(folder.name, *libraries)


def test_any_file_counts_but_what_python_caches(package):
    before = digest(package)
    (package / "__pycache__").mkdir(exist_ok=True)
    (package / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert digest(package) == before
    (package / "inner" / "page.html").write_text("another page")
    assert digest(package) != before


def test_versions_of_libraries_count_and_one_that_is_missing_is_no_error(package):
    assert digest(package, "numpy") != digest(package)
    assert digest(package, "no-such-library") == digest(package, "nor-such-a-one")
