"""Archives: whole or not at all, and never outside their folder."""

import io
import random
import tarfile

import pytest

from prunekit.data import unpack as module
from prunekit.data.downloads import RemoteFile
from prunekit.data.unpack import unpack
from prunekit.errors import PrunekitError

FILE = RemoteFile("set.tar", "", "", contents=("set",))


def _archive(path, members, mode="w"):
    with tarfile.open(path, mode) as tar:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_contents_come_to_their_place(tmp_path, root, mode):
    unpack(_archive(tmp_path / "a", {"set/x": b"1", "set/deep/y": b"2", "other": b"3"}, mode), FILE, root)
    assert (root / "set" / "deep" / "y").read_bytes() == b"2"
    assert [path.name for path in root.iterdir()] == ["set"]


def test_deep_contents_join_what_is_there(tmp_path, root):
    (root / "kit" / "2007").mkdir(parents=True)
    unpack(_archive(tmp_path / "a", {"kit/2012/x": b"1"}), FILE._replace(contents=("kit/2012",)), root)
    assert sorted(path.name for path in (root / "kit").iterdir()) == ["2007", "2012"]


def test_without_contents_all_of_it_becomes_the_folder(tmp_path, root):
    unpack(
        _archive(tmp_path / "a", {"1.jpg": b"1", "2.jpg": b"2"}),
        FILE._replace(into="big/val", contents=()),
        root,
    )
    assert sorted(path.name for path in (root / "big" / "val").iterdir()) == ["1.jpg", "2.jpg"]


def test_an_archive_of_archives_becomes_folders(tmp_path, root):
    inner = _archive(tmp_path / "inner", {"a.jpg": b"1"}).read_bytes()
    outer = _archive(tmp_path / "a", {"n01.tar": inner, "n02.tar": inner})
    unpack(outer, FILE._replace(into="train", contents=(), nested=True), root)
    assert sorted(path.name for path in (root / "train").iterdir()) == ["n01", "n02"]
    assert (root / "train" / "n02" / "a.jpg").read_bytes() == b"1"


def _link(name, target, kind):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


EVIL = {
    "up": {"../escaped": b"x"},
    "up inside": {"set/../../escaped": b"x"},
    "absolute": {"/tmp/prunekit-escaped": b"x"},
    "windows": {"..\\escaped": b"x"},
    "symbolic link": {"set/link": _link("set/link", "../..", tarfile.SYMTYPE)},
    "hard link": {"set/link": _link("set/link", "/etc/passwd", tarfile.LNKTYPE)},
    "device": {"set/null": _link("set/null", "", tarfile.CHRTYPE)},
}


@pytest.mark.parametrize("kind", EVIL)
def test_nothing_is_written_outside_and_nothing_is_kept(tmp_path, root, kind):
    archive = _archive(tmp_path / "a", {"set/good": b"1"} | EVIL[kind])
    with pytest.raises(PrunekitError, match="nothing was unpacked"):
        unpack(archive, FILE, root)
    assert list(root.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if "escaped" in path.name] == []


def test_an_evil_inner_archive_is_refused_too(tmp_path, root):
    inner = _archive(tmp_path / "inner", {"../../../escaped": b"x"}).read_bytes()
    with pytest.raises(PrunekitError, match="outside its folder"):
        unpack(
            _archive(tmp_path / "a", {"n01.tar": inner}),
            FILE._replace(into="t", contents=(), nested=True),
            root,
        )
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("cut", [5, 300, 700])
@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_damaged_archive_leaves_nothing(tmp_path, root, cut, mode):
    archive = _archive(tmp_path / "a", {"set/x": random.Random(0).randbytes(3000)}, mode)
    archive.write_bytes(archive.read_bytes()[:cut])
    with pytest.raises(PrunekitError):
        unpack(archive, FILE, root)
    assert list(root.iterdir()) == []


def test_what_a_killed_run_left_is_not_kept(tmp_path, root):
    left = root / ".unpack-set.tar" / "content" / "set"
    left.mkdir(parents=True)
    (left / "half").touch()
    unpack(_archive(tmp_path / "a", {"set/x": b"1"}), FILE, root)
    assert [path.name for path in (root / "set").iterdir()] == ["x"]
    assert [path.name for path in root.iterdir()] == ["set"]


def test_another_archive_is_told(tmp_path, root):
    with pytest.raises(PrunekitError, match="does not contain set: it is another archive"):
        unpack(_archive(tmp_path / "a", {"other/x": b"1"}), FILE, root)


def test_a_full_disk_leaves_nothing(tmp_path, root, monkeypatch):
    def full(*args, **settings):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tarfile.TarFile, "extract", full)
    with pytest.raises(PrunekitError, match=r"cannot unpack into .*: No space left on device"):
        unpack(_archive(tmp_path / "a", {"set/x": b"1"}), FILE, root)
    assert list(root.iterdir()) == []


def test_what_is_there_already_is_left_alone(tmp_path, root):
    (root / "set").mkdir(parents=True)
    (root / "set" / "mine").write_text("mine")
    unpack(_archive(tmp_path / "a", {"set/x": b"1"}), FILE, root)
    assert [path.name for path in (root / "set").iterdir()] == ["mine"]


def test_a_data_folder_that_is_a_file_is_named(tmp_path, root):
    root.write_text("")
    with pytest.raises(PrunekitError, match="cannot unpack into"):
        unpack(_archive(tmp_path / "a", {"set/x": b"1"}), FILE, root)
