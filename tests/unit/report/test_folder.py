"""A report's folder: what others put there stays, half a report is finished, nothing goes through a link."""

import json

import pytest

from prunekit.errors import PrunekitError, UsageError
from prunekit.report.folder import check_folder, is_current, write_all

ONE = {"index.html": b"<html>1</html>", "figures/a.svg": b"<svg>1</svg>", "tables/a.csv": b"1"}
TWO = {"index.html": b"<html>2</html>", "figures/b.svg": b"<svg>2</svg>", "tables/a.csv": b"1"}


def _held(out):
    return {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}


def test_a_report_replaces_an_earlier_one(tmp_path):
    write_all(tmp_path, ONE, "one")
    assert is_current(tmp_path, "one")
    write_all(tmp_path, TWO, "two")
    assert _held(tmp_path) == {*TWO, "files.json"}
    assert is_current(tmp_path, "two")


@pytest.mark.parametrize("place", ["index.html", "figures/a.svg", "files.json"])
def test_a_file_of_the_user_s_own_is_in_the_way_and_stays(tmp_path, place):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text('{"mine": 1}')
    with pytest.raises(UsageError, match=f"{place} exists and was not written by a report"):
        write_all(tmp_path, ONE, "one")
    assert _held(tmp_path) == {place}
    assert (tmp_path / place).read_text() == '{"mine": 1}'


def test_a_page_written_over_a_whole_folder_of_the_user_s_own_stays(tmp_path):
    write_all(tmp_path, ONE, "one")
    for place in ONE:
        (tmp_path / place).write_text("mine")
    with pytest.raises(UsageError, match="was not written by a report"):
        write_all(tmp_path, TWO, "two")
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_listing_of_somebody_else_removes_nothing(tmp_path):
    write_all(tmp_path, ONE, "one")
    (tmp_path / "figures" / "precious.txt").write_text("mine")
    listing = json.loads((tmp_path / "files.json").read_text())
    listing["files"]["figures/precious.txt"] = "0"
    (tmp_path / "files.json").write_text(json.dumps(listing))
    write_all(tmp_path, TWO, "two")
    assert (tmp_path / "figures" / "precious.txt").read_text() == "mine"


def test_a_linked_folder_is_refused(tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    write_all(out, ONE, "one")
    (out / "figures").rename(elsewhere)
    (out / "figures").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="figures is a link"):
        write_all(out, TWO, "two")
    assert _held(elsewhere) == {"a.svg"}


def test_a_report_that_was_killed_is_finished_by_the_next_one(tmp_path, monkeypatch):
    from prunekit.base import files

    write_all(tmp_path, ONE, "one")
    real, calls = files.write, []

    def killed(path, *data, **how):
        if len(calls) == 3:
            (path.parent / f".{path.name}.0123456789ab.part").write_bytes(data[0][:2])
            raise KeyboardInterrupt
        calls.append(path)
        real(path, *data, **how)

    monkeypatch.setattr(files, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        write_all(tmp_path, TWO, "two")
    monkeypatch.setattr(files, "write", real)
    assert not is_current(tmp_path, "two")
    write_all(tmp_path, TWO, "two")
    assert _held(tmp_path) == {*TWO, "files.json"}


def test_a_full_disk_is_one_line_and_leaves_no_half_file(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("prunekit.base.files.os.fsync", full)
    with pytest.raises(PrunekitError, match="No space left on device"):
        write_all(tmp_path / "out", ONE, "one")
    assert _held(tmp_path) == set()


def test_a_disk_that_is_too_full_for_the_report_is_said_before_a_byte_changes(tmp_path, monkeypatch):
    from prunekit.base import files

    write_all(tmp_path, ONE, "one")
    full = files.shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda place: full)
    with pytest.raises(PrunekitError, match=r"cannot write the report to .* MB are free"):
        write_all(tmp_path, TWO, "two")
    assert is_current(tmp_path, "one")


def test_a_folder_is_looked_at_before_there_is_a_report(tmp_path):
    check_folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    write_all(tmp_path / "old", ONE, "one")
    check_folder(tmp_path / "old")
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(UsageError, match=r"index\.html exists and was not written by a report"):
        check_folder(tmp_path)
