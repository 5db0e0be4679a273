import os
import signal
import subprocess
import sys

import pytest

from prunekit.base.interruption import Interruption


def test_a_signal_stops_at_once_where_nobody_puts_anything_away():
    with pytest.raises(KeyboardInterrupt):
        Interruption()()


def put_away(stop, done, *, times=1, error=None):
    """Work during which the signal comes, so many times."""
    with stop.deferred():
        for _ in range(times):
            stop()
        done.append("put away")
        if error is not None:
            raise error
        stop.obey()
        done.append("never")


def test_deferred_it_is_obeyed_when_the_work_is_put_away():
    stop, done = Interruption(), []
    with pytest.raises(KeyboardInterrupt):
        put_away(stop, done)
    assert (done, stop.asked) == (["put away"], False)


def test_a_second_signal_waits_for_nothing():
    stop, done = Interruption(), []
    with pytest.raises(KeyboardInterrupt):
        put_away(stop, done, times=2)
    assert done == []


def test_what_was_asked_for_is_not_lost_with_another_error():
    stop = Interruption()
    with pytest.raises(KeyboardInterrupt):
        put_away(stop, [], error=ValueError())
    stop.obey()  # nothing is left to obey


CHILD = """
import signal, sys, time
from prunekit.base.interruption import INTERRUPTION, install, shielded, tie_to_parent
install()
tie_to_parent()
try:
    print(signal.getsignal(signal.SIGHUP) is signal.SIG_IGN, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    with shielded():
        signal.raise_signal(signal.SIGTERM)
    print("stopped", flush=True)
"""


def with_signals(*, ignored=()):
    """As a terminal starts a command, whatever this process was started by."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def child(program=CHILD, **how):
    how = {"preexec_fn": with_signals} | how
    return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, **how)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_that_asks_to_stop_does_and_a_shield_keeps_the_next_out(number):
    process = child()
    assert process.stdout.readline() == "False\n"
    process.send_signal(number)
    assert process.communicate(timeout=20)[0] == "stopped\n"


def test_what_was_to_be_ignored_stays_ignored():
    process = child(preexec_fn=lambda: with_signals(ignored=[signal.SIGHUP]))
    assert process.stdout.readline() == "True\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "stopped\n"


def test_a_child_ends_with_its_lifeline():
    end, held = os.pipe()
    process = child(pass_fds=(end,), env=os.environ | {"PRUNEKIT_LIFELINE": str(end)})
    os.close(end)
    assert process.stdout.readline() == "False\n"
    os.close(held)
    assert process.communicate(timeout=20)[0] == "stopped\n"


def test_a_child_that_is_stuck_ends_without_its_lifeline_too():
    end, held = os.pipe()
    stuck = CHILD.replace('print("stopped", flush=True)', "sum(range(10**13))  # never lets Python's lock go")
    assert stuck != CHILD
    process = child(stuck, pass_fds=(end,), env=os.environ | {"PRUNEKIT_LIFELINE": str(end)})
    os.close(end)
    assert process.stdout.readline() == "False\n"
    os.close(held)
    assert process.wait(timeout=20) == -signal.SIGALRM


def test_at_the_end_a_signal_leaves_no_traceback():
    program = CHILD.replace("install, ", "install, leave, ").replace("tie_to_parent()\n", "leave()\n", 1)
    process = child(program, stderr=subprocess.PIPE)
    assert process.stdout.readline() == "False\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == -signal.SIGINT
