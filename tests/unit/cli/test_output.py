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


def test_words_for_people_are_for_a_table_alone(terminal):
    for as_json, shows in ((False, True), (True, False)):
        shown = terminal("utf-8")
        emit([{"value": 1}], as_json=as_json, for_people=lambda row: {**row, "verdict": "within 50 %"})
        assert ("within 50 %" in shown()) is shows


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


KEY = "retrain-0123456789abcdef"
FINDING = {
    "finding": "similarity",
    "variant": "v",
    "method": "wt",
    "role": "pruned",
    "settings": {},
    "prune_ratio": 0.75,
    "models": [KEY],
    "flags": ["one-seed"],
    "low": None,
    "high": None,
}
COLUMNS = ("label", "prune_ratio", "model", "metric", "value", "flags")


def table(terminal, rows, columns):
    shown = terminal("utf-8")
    emit(rows, columns=columns)
    return shown()


def test_numbers_are_told_in_the_unit_of_their_row(terminal):
    rows = [
        FINDING | {"metric": "agreement", "value": 0.5, "unit": "share of predictions"},
        FINDING | {"metric": "softmax_l2", "value": 0.25, "unit": "distance"},
        FINDING | {"metric": "kl", "value": 0.0825, "unit": "nats"},
    ]
    text = table(terminal, rows, COLUMNS)
    assert "50.00 %" in text
    assert "0.0825" in text
    assert "25.00 %" not in text
    assert "8.25 %" not in text


def test_no_key_is_folded_on_a_narrow_terminal(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    text = table(terminal, [FINDING | {"value": 0.5, "unit": "share", "metric": "agreement"}], COLUMNS)
    assert KEY in text
    assert KEY in table(terminal, [{"key": KEY, "label": "a", "error": 0.1}], ("key", "label", "error"))


def test_flags_are_marks_with_their_sentences_below(terminal):
    rows = [FINDING | {"value": 0.5, "unit": "share"}, FINDING | {"value": 0.5, "unit": "share", "flags": []}]
    text = table(terminal, rows, COLUMNS)
    assert text.count("\u2020") == 2
    assert "\u2020 1 seed: the interval covers images only" in text


def test_of_no_rows_one_thing_is_said_or_nothing(terminal):
    shown = terminal("utf-8")
    emit([], columns=("key",), nothing="")
    assert shown() == ""
    emit([], columns=("key",))
    assert shown() == "nothing here yet\n"


COMPARISON = {
    "network": "int8",
    "distribution": "folder:photos+fog@3",
    "verdict": "within",
    "unit": "error",
    "parent_error": 0.575,
    "error": 0.5333,
    "value": -0.0417,
    "low": -0.0954,
    "high": 0.0128,
    "n": 360,
    "broken": 41,
    "fixed": 56,
    "flags": ["parent-at-chance"],
}
OF_COMPARISONS = (
    *("network", "distribution", "verdict", "error, %", "rise [95 %], points", "n", "broken / fixed"),
    *("worst class", "flags"),
)


def test_an_interval_is_one_cell_with_its_unit_in_the_heading(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = table(terminal, [COMPARISON], OF_COMPARISONS)
    assert "57.50 → 53.33  -4.17 [-9.54, 1.28]  360" in text
    assert "41 / 56" in text
    assert "worst class" not in text
    assert "† the parent is no better than guessing here" in text


def test_a_narrow_terminal_leaves_the_last_columns_out_and_breaks_no_number(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = table(terminal, [COMPARISON], OF_COMPARISONS)
    assert "-4.17 [-9.54, 1.28]" in text
    assert "verdict" in text
    assert "41 / 56" not in text
    assert "left out here: n, broken / fixed (a wider terminal or" in text


def test_no_name_is_broken_where_columns_can_be_left_out(terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = [
        {
            "finding": "potential-minimum",
            "label": "wt",
            "distribution": "digits+impulse_noise@5",
            "value": 0.75,
            "low": 0.5,
            "high": 0.97,
            "margin": 0.01,
        }
    ]
    text = table(terminal, rows, ("finding", "label", "distribution", "value [95 %], %", "margin"))
    assert "potential-minimum  wt     digits+impulse_noise@5  75.0 [50.0, 97.0]" in text


def test_the_label_that_a_user_gave_is_shown_as_it_is(terminal):
    rows = [{"key": KEY, "label": name, "method": "int8", "role": "compressed"} for name in ("mine", "yours")]
    text = table(terminal, rows, ("key", "label", "method"))
    assert "mine" in text
    assert "yours" in text
