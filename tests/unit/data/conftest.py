"""Small data sets in the published formats."""

import runpy
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def published():
    """The functions that write small data sets in the published formats."""
    return runpy.run_path(str(Path(__file__).parents[2] / "data" / "datasets" / "published.py"))
