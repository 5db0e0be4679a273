import io
import json
import os
import subprocess
import sys

import pytest

from prunekit.cli.streams import Lossy, clean, clean_json, show_warning
from prunekit.errors import PrunekitWarning

HOSTILE = "a\x1b]0;owned\x07\x9b2J\x7f\r\n\u202eb\udce9ü☂"


def test_control_characters_are_written_out():
    assert clean(HOSTILE) == "a\\x1b]0;owned\\x07\\x9b2J\\x7f\\r\\n\\u202eb\\udce9ü☂"
    assert clean("plain ünï ☂") == "plain ünï ☂"


def test_in_json_they_are_escapes_of_json_and_mean_the_same():
    text = clean_json(json.dumps([HOSTILE], ensure_ascii=False))
    assert not {"\x1b", "\x9b", "\x7f", "\u202e"} & set(text)
    assert json.loads(text) == [HOSTILE]


def test_a_stream_whose_reader_is_gone_loses_what_is_written():
    end, start = os.pipe()
    out = io.TextIOWrapper(io.BufferedWriter(Lossy(start, "w")), line_buffering=True)
    os.close(end)
    print("one", file=out)
    print("two", file=out)
    out.close()


def test_a_warning_is_one_line(capsys):
    show_warning(PrunekitWarning("two\nlines \x1b[2J"), PrunekitWarning, "file.py", 3)
    show_warning(DeprecationWarning("old"), DeprecationWarning, "file.py", 3)
    assert capsys.readouterr().err == ("prunekit: two lines \\x1b[2J\nprunekit: DeprecationWarning: old\n")


def ls(place, redirect, **env):
    """``prunekit ls`` in a shell, away from this process's streams."""
    environment = os.environ | {"PRUNEKIT_STORE": str(place)} | env
    command = f"exec {sys.executable} -m prunekit ls -q {redirect}"
    return subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, env=environment, timeout=60
    )


@pytest.mark.parametrize("redirect", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams_change_nothing(trained, redirect):
    done = ls(trained[0], redirect)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_disk_that_takes_no_output_is_one_line(trained):
    done = ls(trained[0], "> /dev/full")
    assert (done.returncode, done.stderr) == (
        1,
        "prunekit: cannot write to stdout: No space left on device\n",
    )


def test_no_home_and_an_unknown_user_are_no_matter(trained):
    done = ls(trained[0], "", HOME="")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_locale_without_letters_is_left(tmp_path):
    place = tmp_path / "ünï ☂"
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PRUNEKIT_STORE": str(place)}
    command = [sys.executable, "-m", "prunekit", "show", "nöthing"]
    done = subprocess.run(command, capture_output=True, env=os.environ | env, timeout=60)
    assert done.returncode == 2
    assert "unknown model 'nöthing'" in done.stderr.decode()


def test_a_reader_that_goes_away_ends_the_command_without_a_word(tmp_path):
    end, start = os.pipe()
    os.close(end)
    done = subprocess.run(
        [sys.executable, "-m", "prunekit", "list", "methods", "--json"],
        stdout=start,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(start)
    assert (done.returncode, done.stderr) == (1, b"")
