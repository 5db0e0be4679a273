"""MATLAB files of the published data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prunekit.errors import UsageError


def read_mat(path: Path, variable: str) -> Any:
    """One variable of the file at ``path``, structs as NumPy records; a damaged file is a :class:`UsageError`."""
    from scipy.io import loadmat

    try:
        return loadmat(path, squeeze_me=True)[variable]
    except Exception as error:
        # SciPy's parser raises almost any exception on damaged bytes.
        raise UsageError(f"{path} is damaged: {' '.join(str(error).split())}") from None
