"""What the tests of commands share."""

import sys
from pathlib import Path

import pytest

NETS = Path(__file__).parents[1] / "data" / "nets"


@pytest.fixture(scope="module")
def nets():
    """The stranger's networks, importable by name."""
    sys.path.append(str(NETS))
    yield __import__("doornets")
    sys.path.remove(str(NETS))
