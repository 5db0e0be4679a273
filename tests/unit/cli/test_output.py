import io
import json

import pytest

from prunekit.cli import output
from prunekit.cli.output import emit, json_line, say, say_json, write

HOSTILE = "x\x1b]0;owned\x07[/bold]\x9b"


class Terminal(io.TextIOWrapper):
    """Something that says it is a terminal of few characters."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    def of(encoding):
        made = Terminal(io.BytesIO(), encoding=encoding, errors="backslashreplace", write_through=True)
        monkeypatch.setattr("sys.stdout", made)
        return lambda: made.buffer.getvalue().decode(encoding)

    return of


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_no_name_reaches_a_terminal_as_a_command(terminal, encoding):
    shown = terminal(encoding)
    emit([{"key": HOSTILE, HOSTILE: "ü☂", "none": None, "error": 0.5}])
    emit([{"key": HOSTILE}], quiet=True)
    emit([{"key": HOSTILE}], as_json=True)
    write(f"{HOSTILE}\nsecond")
    for forbidden in ("\x07", "\x9b", "\x1b]"):
        assert forbidden not in shown()
    assert "second" in shown()


def test_json_is_json_on_any_terminal(terminal):
    for encoding in ("utf-8", "ascii"):
        shown = terminal(encoding)
        emit([{"key": f"{HOSTILE}😀ü"}], as_json=True)
        assert json.loads(shown()) == {"key": f"{HOSTILE}😀ü"}


def test_what_is_said_is_one_line_and_what_is_said_to_programs_is_json(capsys):
    say(f"made\n{HOSTILE}")
    say_json({"stage": HOSTILE})
    first, second = capsys.readouterr().err.splitlines()
    assert first == "made\\nx\\x1b]0;owned\\x07[/bold]\\x9b"
    assert json.loads(second) == {"stage": HOSTILE}


def test_a_reader_that_goes_is_for_the_caller(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Gone())
    with pytest.raises(BrokenPipeError):
        write("x")
    assert json_line("ü") == '"\\u00fc"' or output  # a stream without an encoding is taken for UTF-8
