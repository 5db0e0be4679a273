import os
from pathlib import Path

import pytest

from prunekit.engine.mps import CONTROL, LOGS, PIPES, Mps


@pytest.fixture
def control(tmp_path, monkeypatch):
    """A program of the server's name that notes what it is asked, and where."""
    program, notes = tmp_path / "bin" / CONTROL, tmp_path / "notes"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\nread words\necho "$* $words" >> {notes}\ntest -d "${PIPES}" && exit $MPS_FAILS\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MPS_FAILS", "0")
    return notes


def test_workers_that_share_a_gpu_share_a_server_that_ends_with_the_run(control):
    served = Mps(["cuda:0", "cuda:1", "cuda:0"])
    told = served.environment()
    assert served.environment() == told
    assert told[PIPES] == told[LOGS]
    assert Path(told[PIPES]).is_dir()
    served.close()
    served.close()
    assert [line.split() for line in control.read_text().splitlines()] == [["-d"], ["quit"]]
    assert not Path(told[PIPES]).exists()


@pytest.mark.parametrize("devices", [["cuda:0", "cuda:1"], ["cpu", "cpu"], ["cuda"]])
def test_without_a_shared_gpu_no_server_is_started(control, devices):
    served = Mps(devices)
    assert served.environment() == {}
    served.close()
    assert not control.exists()


def test_a_server_that_does_not_start_is_done_without(control, monkeypatch):
    monkeypatch.setenv("MPS_FAILS", "1")
    served = Mps(["cuda:0", "cuda:0"])
    assert served.environment() == {}
    assert served.environment() == {}
    served.close()
    assert control.read_text().split() == ["-d"]


def test_a_machine_without_the_program_is_served_as_before(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    served = Mps(["cuda:0", "cuda:0"])
    assert served.environment() == {}
    served.close()
