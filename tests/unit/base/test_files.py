"""Writing and deleting: whole or not at all, never through a link, never what is not recognised as ours."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from prunekit.base import files
from prunekit.base.files import ForeignFileError
from prunekit.errors import PrunekitError, UsageError


def _mine(file):
    return file.read().startswith(b"mine")


ODD = {
    "fifo": os.mkfifo,
    "folder": lambda path: path.mkdir(),
    "link": lambda path: path.symlink_to("/etc/passwd"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    (tmp_path / "store").mkdir()
    return tmp_path / "store"


def test_a_file_is_there_whole_and_its_folders_are_made(store):
    files.write(store / "a" / "b" / "c", b"mine", b" too", within=store)
    assert (store / "a" / "b" / "c").read_bytes() == b"mine too"
    assert [path.name for path in (store / "a" / "b").iterdir()] == ["c"]
    assert files.read(store / "a" / "b" / "c", most=4) == b"mine"


def test_what_is_recognised_is_replaced_and_removed(store):
    path = store / "x"
    for text in (b"mine 1", b"mine 2"):
        files.write(path, text, within=store, ours=_mine)
    assert path.read_bytes() == b"mine 2"
    assert files.remove(path, within=store, ours=_mine)
    assert not path.exists()
    assert not files.remove(path, within=store, ours=_mine)


def test_what_is_not_recognised_is_neither_replaced_nor_removed(store):
    path = store / "x"
    path.write_bytes(b"yours")
    with pytest.raises(ForeignFileError, match="was not written by prunekit"):
        files.write(path, b"mine", within=store, ours=_mine)
    assert not files.remove(path, within=store, ours=_mine)
    assert path.read_bytes() == b"yours"
    assert [each.name for each in store.iterdir()] == ["x"]


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_file_is_neither_replaced_nor_removed_nor_waited_for(store, kind):
    ODD[kind](path := (store / "x").relative_to(store.parent))
    with pytest.raises(ForeignFileError):
        files.write(path, b"mine", within=store.relative_to(store.parent))
    assert not files.remove(path, within=store.relative_to(store.parent))
    with pytest.raises(OSError):
        files.append(path, b"mine", within=store.relative_to(store.parent))
    with pytest.raises(OSError):
        files.regular(path, follow=False)
    assert os.path.lexists(path)


@pytest.mark.parametrize("inner", ["", "models"])
def test_nothing_goes_through_a_link_below_the_root(store, inner):
    outside = store.parent / "outside"
    (outside / inner).mkdir(parents=True, exist_ok=True)
    (outside / inner / "precious").write_bytes(b"mine")
    (store / "link").symlink_to(outside)
    path = store / "link" / inner / "precious"
    for attempt in (
        lambda: files.write(path, b"mine 2", within=store),
        lambda: files.append(path, b"mine 2", within=store),
    ):
        with pytest.raises(ForeignFileError, match="is a link or a file, not a folder"):
            attempt()
    assert not files.remove(path, within=store)
    assert files.listed(path.parent, within=store) == []
    assert (outside / inner / "precious").read_bytes() == b"mine"


def test_a_file_that_is_little_but_a_length_is_not_read(store):
    (store / "x").write_bytes(b"mine")
    os.truncate(store / "x", 10**13)
    assert files.read(store / "x", most=4) == b"mine"
    with pytest.raises(OSError, match="a sparse file"):
        files.read(store / "x")
    with files.regular(store / "x") as file, pytest.raises(OSError, match="a sparse file"):
        files.sha256(file)
    assert not files.remove(store / "x", within=store, ours=lambda file: bool(files.sha256(file)))


def test_the_end_of_a_file_is_read_however_long_it_is(store):
    (store / "x").write_bytes(b"12345")
    assert [files.read_end(store / "x", most) for most in (2, 5, 9)] == [b"45", b"12345", b"12345"]
    os.truncate(store / "x", 10**13)
    assert files.read_end(store / "x", 3) == b"\0\0\0"
    os.mkfifo(store / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        files.read_end(store / "fifo", 3)


def test_the_root_itself_may_be_a_link(store):
    (store.parent / "here").symlink_to(store)
    files.write(store.parent / "here" / "a" / "x", b"mine", within=store.parent / "here")
    assert files.listed(store / "a", within=store) == ["x"]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_folders_is_written_to(store, monkeypatch, code):
    def refuse(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, "no")

    monkeypatch.setattr(files.os, "fsync", refuse)
    files.write(store / "x", b"mine", within=store)
    assert (store / "x").read_bytes() == b"mine"


def test_a_disk_that_fails_leaves_nothing_and_says_so(store, monkeypatch):
    def fail(handle):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(PrunekitError, match=r"cannot write .*x: Input/output error"):
        files.write(store / "x", b"mine", within=store)
    assert list(store.iterdir()) == []


@pytest.mark.parametrize("times", [1, 2])
def test_a_clean_up_beside_it_costs_a_file_that_is_written_nothing(store, monkeypatch, times):
    left = list(range(times))

    def swept(handle):
        for part in store.glob(".x.*.part") if left else ():
            part.unlink()
            left.pop()

    monkeypatch.setattr(os, "fsync", swept)
    files.write(store / "x", b"mine", within=store)
    assert left == []
    assert {path.name: path.read_bytes() for path in store.iterdir()} == {"x": b"mine"}


def test_what_always_removes_a_file_that_is_written_is_said(store, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: [part.unlink() for part in store.glob(".x.*.part")])
    with pytest.raises(PrunekitError, match="another program removed it while it was being written"):
        files.write(store / "x", b"mine", within=store)


def test_a_root_below_a_file_is_one_line(store):
    (store / "file").write_text("yours")
    with pytest.raises(PrunekitError, match="cannot write"):
        files.write(store / "file" / "x", b"mine", within=store / "file")


def test_the_mode_is_as_asked_whatever_the_user_s_mask(store):
    before = os.umask(0o077)
    try:
        files.write(store / "x", b"mine", within=store, mode=0o644)
        files.write(store / "y", b"mine", within=store)
    finally:
        os.umask(before)
    assert [(store / name).stat().st_mode & 0o777 for name in "xy"] == [0o644, 0o600]


def test_lines_are_added_at_the_end(store):
    for text in (b"1\n", b"2\n"):
        files.append(store / "costs" / "x", text, within=store)
    assert (store / "costs" / "x").read_bytes() == b"1\n2\n"


def test_a_place_that_would_take_a_file_is_not_touched(store):
    files.check_place(store / "new" / "report", "the report", wanted=1000)
    assert list(store.iterdir()) == []


def test_a_place_that_would_not_take_it_is_said_before(store, monkeypatch):
    (store / "file").write_text("mine")
    for place in (store / "file", store / "file" / "below"):
        with pytest.raises(UsageError, match="file is not a folder"):
            files.check_place(place, "the report")
    with pytest.raises(UsageError, match="File name too long"):
        files.check_place(store / ("a" * 300), "the report")
    with pytest.raises(PrunekitError, match=r"needs 1000000000\d*\.0 MB, but only .* MB are free"):
        files.check_place(store, "the report", wanted=10**18)


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.EROFS, 2), (errno.EACCES, 2), (errno.ENOENT, 2), (errno.ENOSPC, 1), (errno.EIO, 1)],
)
def test_a_place_that_refuses_is_the_user_s_to_change_a_failing_disk_is_not(store, monkeypatch, number, code):
    def refuses(**how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuses)
    said = rf"cannot write the report to .*: {os.strerror(number)}; name another place"
    with pytest.raises(PrunekitError, match=said) as refused:
        files.check_place(store, "the report")
    assert refused.value.exit_code == code


def test_what_a_user_names_is_written_through_his_links_and_into_his_pipes(store):
    (store / "link").symlink_to(store / "there")
    files.write_named(store / "link", "text")
    assert (store / "link").is_symlink()
    assert (store / "there").read_text() == "text"
    files.write_named(store.parent / "new", "ä")
    assert (store.parent / "new").read_text(encoding="utf-8") == "ä"
    os.mkfifo(store / "pipe")
    reader = os.open(store / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    files.write_named(store / "pipe", "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    with pytest.raises(PrunekitError, match="cannot write"):
        files.write_named(store, "text")
    with pytest.raises(PrunekitError, match="cannot write /dev/full: No space"):
        files.write_named(Path("/dev/full"), "text")


def test_a_named_file_of_the_users_own_is_not_replaced(store):
    ours, place = files.holding(b"mark"), store.parent / "README.md"
    place.write_text("my own work")
    with pytest.raises(UsageError, match=r"README.md exists, and was not written by prunekit"):
        files.check_named(place, ours=ours)
    with pytest.raises(PrunekitError, match="not written by prunekit"):
        files.write_named(place, "a mark", ours=ours)
    assert place.read_text() == "my own work"
    with pytest.raises(UsageError, match="is a folder: name a file"):
        files.check_named(store, ours=ours)
    place.write_bytes(b"")  # as mktemp leaves it
    for text in ("a mark", "another mark"):
        files.check_named(place, ours=ours)
        files.write_named(place, text, ours=ours)
    assert place.read_text() == "another mark"
    with place.open("rb") as log:  # as a shell has stdout in a log
        stream = Path(f"/dev/fd/{log.fileno()}")
        files.check_named(stream, ours=files.holding(b"x"))
        files.write_named(stream, ", more", ours=files.holding(b"x"))
    assert place.read_text() == "another mark, more"
