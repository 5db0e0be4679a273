"""What the tests of hostile inputs share: how many examples they try, and values that nobody expects."""

import json
import struct

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

HOW = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


def few_or_many(few, many):
    """A test tried with ``few`` examples, always the same, and with ``many`` in the slow run."""
    cases = [
        pytest.param(settings(max_examples=few, derandomize=True, **HOW), id="few"),
        pytest.param(
            settings(max_examples=many, **HOW),
            id="many",
            marks=[pytest.mark.slow, pytest.mark.timeout(6000)],
        ),
    ]
    return pytest.mark.parametrize("how", cases)


JUNK = st.text(max_size=12) | st.sampled_from(
    [
        "-1",
        "0",
        "nan",
        "1e999",
        "inf",
        "",
        "-",
        "--",
        "../..",
        "folder:/",
        "digits+fog@9",
        "a,b",
        "\x00",
        "ä" * 40,
        "[" * 200,
    ]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | JUNK
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(JUNK, inner, max_size=3),
    max_leaves=6,
)


def framed(document):
    """The beginning of a safetensors file with this JSON header."""
    text = json.dumps(document).encode()
    return struct.pack("<Q", len(text)) + text
