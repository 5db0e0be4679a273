"""Missing data: what, where it was looked for, the command."""

import pytest

from prunekit.data.missing import need
from prunekit.errors import UsageError


def test_what_is_there_is_given_back(tmp_path):
    assert need(tmp_path, "cifar10") == tmp_path


def test_what_is_missing_is_told_in_one_line(tmp_path):
    with pytest.raises(UsageError) as found:
        need(tmp_path / "x.npy", "cifar10")
    assert str(found.value) == (
        f"data set cifar10 is missing: there is no {tmp_path / 'x.npy'} (get it with `prunekit data get cifar10`)"
    )
