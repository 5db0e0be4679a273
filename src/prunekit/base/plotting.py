"""Imports matplotlib before a module that draws does, so that a matplotlibrc in the working directory is not opened.

That file may be a pipe or not text. If matplotlib is already imported (in a notebook), nothing is changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path


@contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(folder)
        yield
    finally:
        os.fchdir(here)
        os.close(here)


if "matplotlib" not in sys.modules:
    with _in_folder(Path(__file__).parent):
        import_module("matplotlib")
