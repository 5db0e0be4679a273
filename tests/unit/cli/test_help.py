"""Help pages at 80 columns: nothing cut, every default once, groups by what they are for."""

import re

import pytest
from typer.main import get_command

from prunekit.cli.app import COMMANDS, app, load
from prunekit.cli.help import example, group_page, page, text_of

ROOT = get_command(app)


def commands():
    for name in COMMANDS:
        found = load(name)
        yield from (
            (f"{name} {inner}", each) for inner, each in getattr(found, "commands", {name: found}).items()
        )


def lines_of(command, width=80):
    with command.make_context(command.name, [], resilient_parsing=True) as ctx:
        return list(page(command, ctx, width))


@pytest.mark.parametrize("command", [each for _, each in commands()], ids=[name for name, _ in commands()])
def test_a_page_fits_and_cuts_nothing(command):
    lines = lines_of(command)
    text = "\n".join(lines)
    assert [line for line in lines if len(line) > 80] == []
    assert "…" not in text
    assert not re.search(r"<(bool|int|float|str)", text)
    assert [
        name for param in command.params for name in param.opts if name.startswith("-") and name not in text
    ] == []
    assert [param.name for param in command.params if text_of(param).count("(default") > 1] == []


def test_training_is_told_in_groups_on_two_screens():
    lines = lines_of(load("train"))
    assert len(lines) < 90
    headings = [re.sub(r"\x1b\[\d*m", "", line) for line in lines if re.match(r"\x1b\[1m|[A-Z]\w+$", line)]
    assert headings == ["Options", "Schedule", "Preprocessing", "Run", "Output", "Examples"]


def test_long_names_have_a_line_of_their_own():
    lines = lines_of(load("train"))
    place = lines.index("  --train-distribution TEXT")
    assert lines[place + 1].startswith(" " * 28 + "Train on")


@pytest.mark.parametrize(
    "group", [ROOT, *(load(name) for name in ("recipe", "data", "outcomes"))], ids=lambda each: each.name
)
def test_the_page_of_a_group_names_every_command_in_full(group):
    with group.make_context(group.name, [], resilient_parsing=True) as ctx:
        lines = list(group_page(group, ctx, 80))
        names = group.list_commands(ctx)
    assert [line for line in lines if len(line) > 80] == []
    assert "<bool>" not in "\n".join(lines)
    assert [name for name in names if not any(line.startswith(f"  {name} ") for line in lines)] == []
    assert any(line.startswith("  --help") for line in lines)


@pytest.mark.parametrize("args", [(), ("recipe",)])
def test_without_arguments_the_page_is_the_answer(cli, args):
    ran = cli(*args)
    assert (ran.code, ran.err) == (2, "")
    assert ran.out.startswith("Usage: prunekit")


def test_an_example_that_is_too_wide_goes_on_where_a_shell_takes_it():
    lines = list(
        example("prunekit report --recipe recipes/quickstart.toml --out study --formats pdf,png", 60)
    )
    assert lines == [
        "  $ prunekit report --recipe recipes/quickstart.toml \\",
        "      --out study --formats pdf,png",
    ]


def test_no_colour_on_request(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "\n".join(lines_of(load("train")))
