"""Published .npy files: damage is named, a pickle is never loaded."""

import os
import pickle

import numpy as np
import pytest

from prunekit.data.npy import read_images, read_labels
from prunekit.errors import UsageError


class _Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was loaded",))


def _write(path, kind):
    if kind == "cut":
        np.save(path, np.zeros((10, 32, 32, 3), dtype=np.uint8))
        path.write_bytes(path.read_bytes()[:-100])
    elif kind == "page":
        path.write_text("<!DOCTYPE html><title>404</title>")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "pickle":
        path.write_bytes(pickle.dumps(_Trap()))
    else:
        np.save(path, np.array([_Trap()], dtype=object), allow_pickle=True)


@pytest.mark.parametrize("kind", ["cut", "page", "empty", "pickle", "objects"])
def test_a_damaged_file_is_named_and_not_unpickled(tmp_path, kind):
    path = tmp_path / "fog.npy"
    _write(path, kind)
    with pytest.raises(UsageError, match=r"fog\.npy is damaged: .*data get cifar10-c") as found:
        read_images(path, "cifar10-c")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("array", [np.zeros((2, 32, 32, 3)), np.zeros((2, 3, 32, 32), dtype=np.uint8)])
def test_arrays_of_another_kind_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UsageError, match="is not a file of cifar10-c"):
        read_images(tmp_path / "a.npy", "cifar10-c")


HEADERS = {
    "a shape of 40 digits": "(" + "9" * 40 + ",)",
    "a shape beyond the machine": "(9223372036854775808,)",
    "a shape that is true": "(True,)",
    "a negative shape": "(-4,)",
    "signs without end": "(" + "-" * 9000 + "4,)",
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_makes_no_sense_is_one_line(tmp_path, what):
    text = ("{'descr': '<i8', 'fortran_order': False, 'shape': " + HEADERS[what] + "}").encode()
    path = tmp_path / "labels.npy"
    path.write_bytes(b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text + bytes(32))
    with pytest.raises(UsageError, match=r"labels\.npy (is damaged|does not fit)"):
        read_labels(path, "cifar10.1", classes=10, count=4)


def test_an_archive_of_arrays_and_a_fifo_are_no_array(tmp_path):
    np.savez(tmp_path / "many.npz", a=np.zeros(4, np.int64))
    (tmp_path / "many.npz").rename(tmp_path / "labels.npy")
    os.mkfifo(tmp_path / "fifo.npy")
    for name, said in (("labels.npy", "not a .npy file"), ("fifo.npy", "not a regular file")):
        with pytest.raises(UsageError, match=said):
            read_labels(tmp_path / name, "cifar10.1", classes=10, count=4)
