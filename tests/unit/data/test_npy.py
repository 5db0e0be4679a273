"""Published .npy files: damage is named, a pickle is never loaded."""

import pickle

import numpy as np
import pytest

from prunekit.data.npy import read_images
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
    with pytest.raises(UsageError, match="is not of cifar10-c"):
        read_images(tmp_path / "a.npy", "cifar10-c")
