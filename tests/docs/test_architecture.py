"""The files, and the names in them, that the page on the architecture speaks of are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:[a-z_]+/)*[a-z_]+\.py)(?:: (\w+))?", TEXT)))


def _defined(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_the_page_names_is_there(file, name):
    path = ROOT / "src" / "prunekit" / file
    assert path.is_file()
    assert not name or name in _defined(path)


def test_the_two_ways_through_the_house_are_told_by_files():
    ways = TEXT[TEXT.index("## Two paths through the code") : TEXT.index("## Identity")]
    assert len(re.findall(r"\.py", ways)) > 10
