import json

import pytest

from prunekit.cli.watch import Watch
from prunekit.engine.run import Event
from prunekit.params import TrainParams
from prunekit.recipes.plan import Planned

STEPS = [Planned(TrainParams(arch="resnet8", dataset="digits", seed=seed), "parents") for seed in range(3)]
KEYS = [step.params.key for step in STEPS]


class Counted:
    def __init__(self):
        self.amount, self.note = 0, ""

    def advance(self, amount=1, *, note=""):
        self.amount, self.note = self.amount + amount, note


@pytest.fixture
def bar():
    return Counted()


def watch(bar, *, as_json=False):
    return Watch(STEPS, dict.fromkeys(KEYS, 60.0), slots=2, bar=bar, as_json=as_json)


def test_lines_say_what_was_made_and_what_is_left(bar, capsys):
    watch(bar)(Event(tuple(KEYS[:1])))
    assert capsys.readouterr().err == f"made parents: {KEYS[0]} (1 of 3, 60 seconds left)\n"
    assert (bar.amount, bar.note) == (1, "60 seconds left")


def test_a_failure_says_why_and_the_last_line_counts_nothing(bar, capsys):
    watch(bar)(Event(tuple(KEYS), "no space"))
    assert capsys.readouterr().err == f"failed parents: {KEYS[0]} and 2 more: no space\n"


def test_json_lines_are_for_programs(bar, capsys):
    heard = watch(bar, as_json=True)
    heard(Event(tuple(KEYS[:2])))
    heard(Event(tuple(KEYS[2:]), "no space"))
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first == {
        "event": "made",
        "stage": "parents",
        "keys": KEYS[:2],
        "reason": None,
        "done": 2,
        "steps": 3,
        "seconds_left": 30.0,
    }
    assert (second["event"], second["reason"], second["seconds_left"]) == ("failed", "no space", 0.0)
