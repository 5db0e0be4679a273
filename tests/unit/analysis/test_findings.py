import json
import re
from pathlib import Path

import pytest

from prunekit.analysis.columns import COLUMNS
from prunekit.analysis.findings import FINDINGS
from prunekit.analysis.schema import check_row

DOCS = Path(__file__).resolve().parents[3] / "docs" / "findings.md"
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_finding_is_documented_with_its_columns_and_an_example_that_keeps_to_its_schema(finding):
    text = SECTIONS[finding]
    assert FINDINGS[finding].meaning in text
    for column, (_, meaning) in FINDINGS[finding].columns.items():
        assert f"| `{column}` | {meaning} |" in text
    (example,) = re.findall(r"```json\n(.*?)\n```", text, re.DOTALL)
    assert json.loads(example)["finding"] == finding
    check_row(json.loads(example))


def test_the_common_columns_are_documented():
    for column, (_, meaning) in COLUMNS.items():
        assert f"| `{column}` | {meaning} |" in DOCS.read_text()


def test_nothing_is_documented_that_is_not_there():
    assert set(SECTIONS) - {"Columns"} == set(FINDINGS)
