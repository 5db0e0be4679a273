import tomllib

import pytest

from prunekit.recipes.embedded import folder
from prunekit.recipes.lines import line_of, lines_of

DOCUMENT = r'''# [[stage]]
title = "a # b \" ]"
when = 2026-01-01 10:00:00  # a date with a space

[[stage]]
"label" = """
[[stage]]
two "quotes\"""""
'run' = [  # why [
  "train",
]
sweep . seed = [[0, 1], [2]]
[stage.where]
method = { "a.b" = 1, c = [{ d = 2 }, 3] }
[[stage]]
label = @@@
it's@@@
empty = []
none = {}
[report]
margin = -1.5e-3'''.replace("@@@", "'''")


def places(value, place=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (*place, name)
        yield from places(item, (*place, name))


def test_every_place_has_the_line_that_it_is_on():
    lines = lines_of(DOCUMENT)
    assert set(places(tomllib.loads(DOCUMENT))) <= set(lines) | {("stage",)}
    assert [lines[place] for place in [("when",), ("stage", 0), ("stage", 0, "run", 0)]] == [3, 5, 10]
    assert [lines["stage", 0, "sweep", "seed", *rest] for rest in [(), (0, 1), (1, 0)]] == [12, 12, 12]
    assert lines["stage", 0, "where", "method", "c", 0, "d"] == 14
    assert [lines[place] for place in [("stage", 1), ("stage", 1, "none"), ("report", "margin")]] == [
        15,
        19,
        21,
    ]


@pytest.mark.parametrize("path", sorted(folder().rglob("*.toml")), ids=lambda path: path.stem)
def test_every_place_of_the_recipes_that_come_along_has_a_line(path):
    text = path.read_text()
    wanted = set(places(tomllib.loads(text)))
    assert wanted <= set(lines_of(text)) | {("stage",)}
    assert lines_of(text.replace("\n", "\r\n")) == lines_of(text)


def test_what_a_text_has_not_is_on_the_line_of_what_it_has():
    lines = lines_of('[[stage]]\nrun = ["train"]\nsweep.seed = [0,\n1]\n')
    assert line_of(lines, ("stage", 0, "seed", 1)) == (4, 4)
    assert line_of(lines, ("stage", 0, "epochs")) == (2, 1)
    assert line_of(lines, ("report",)) == (0, 1)
