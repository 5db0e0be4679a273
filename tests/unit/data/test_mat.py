"""MATLAB files: whatever is wrong with the bytes is one line."""

import numpy as np
import pytest
from scipy.io import savemat

from prunekit.data.mat import read_mat
from prunekit.errors import UsageError


def test_a_variable_is_read(tmp_path):
    savemat(tmp_path / "a.mat", {"x": np.arange(3)})
    assert read_mat(tmp_path / "a.mat", "x").tolist() == [0, 1, 2]


@pytest.mark.parametrize("size", [0, 3, 50, 126, 130, 170])
def test_a_file_cut_anywhere_is_named(tmp_path, size):
    savemat(tmp_path / "a.mat", {"x": np.arange(300)}, do_compression=True)
    (tmp_path / "a.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:size])
    with pytest.raises(UsageError, match=r"a\.mat is damaged"):
        read_mat(tmp_path / "a.mat", "x")
