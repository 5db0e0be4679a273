"""The decision records: one number for one decision, the same in its name and its title."""

import re
from collections import Counter
from pathlib import Path

DECISIONS = Path(__file__).parents[2] / "docs" / "decisions"


def test_every_decision_has_a_number_of_its_own():
    numbers = Counter(path.name.partition("-")[0] for path in DECISIONS.glob("*.md"))
    assert [number for number, count in numbers.items() if count > 1] == []


def test_a_title_has_the_number_of_its_file():
    for path in DECISIONS.glob("[0-9]*.md"):
        title = path.read_text(encoding="utf-8").splitlines()[0]
        assert re.match(rf"# {path.name.partition('-')[0]}\b", title), path.name
