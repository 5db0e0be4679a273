import os
import signal
import subprocess
import sys
import time

import pytest

from prunekit.engine.child import Lifeline, end_all, environment, python


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A working directory whose files hide modules of the standard library and of others."""
    for name in ("queue", "numpy", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('code from the working directory')")
    monkeypatch.chdir(tmp_path)


def test_a_file_beside_the_work_hides_no_module_from_a_child_or_its_children(trap):
    grandchild = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-m', 'this']).returncode)"
    for words in (("-c", "import queue, numpy, json"), ("-m", "json.tool", "--help"), ("-c", grandchild)):
        done = subprocess.run(python(*words), env=environment(), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("module", ["prunekit.engine.worker", "prunekit"])
def test_our_own_processes_start_beside_such_files(trap, module):
    command = (
        python("-m", module) if module.endswith("worker") else [sys.executable, "-m", module, "list", "archs"]
    )
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert "code from the working directory" not in done.stderr
    assert done.returncode == 0


SLEEPER = "import signal, time\nsignal.signal(signal.SIGTERM, {how})\nprint(flush=True)\ntime.sleep(60)"


def sleeper(how):
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER.format(how=how)], stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    return process


def test_who_can_put_work_away_has_time_for_it_and_who_does_not_is_ended():
    gentle, deaf, stopped = sleeper("signal.SIG_DFL"), sleeper("signal.SIG_IGN"), sleeper("signal.SIG_DFL")
    stopped.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    end_all([gentle, deaf, stopped], seconds=0.5)
    assert time.monotonic() - began < 10
    assert (gentle.returncode, deaf.returncode) == (-signal.SIGTERM, -signal.SIGKILL)
    assert stopped.returncode in (-signal.SIGTERM, -signal.SIGKILL)  # both wait for it when it is let go


def test_a_lifeline_is_cut_with_the_process_that_holds_it():
    lifeline = Lifeline()
    child = "import os, sys\nos.read(int(os.environ['PRUNEKIT_LIFELINE']), 1)"
    process = subprocess.Popen(
        python("-c", child), env=environment(lifeline.environment()), pass_fds=(lifeline.end,)
    )
    assert process.poll() is None
    lifeline.close()
    assert process.wait(timeout=20) == 0
