"""Runs the command line in forks of one warm process, so that a hundred kills do not load torch a hundred times.

In, one JSON line each: ``{"args", "cwd", "out", "kill": seconds or null, "moment": how}``; out: ``{"pid"}`` and, once it
has ended, ``{"code", "seconds"}``. The fork is its own session; ``kill`` ends it with SIGKILL after so long.
"""

import importlib
import json
import os
import resource
import signal
import sys
import threading
import time

import prunekit.cli.commands.run
import prunekit.steps.make
import prunekit.training.checkpoint
from prunekit.cli.app import main
from prunekit.steps.table import RUN

LIVING = set()


def clock_back():
    """Every look at the wall clock is a day before the last."""
    days = iter(range(10**6))
    time.time = lambda: 2e9 - 86400 * next(days)


def small_files():
    """As on a disk with a quota: no file grows beyond 100 kB."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def many_checkpoints():
    """Unfinished training is written after every step."""
    made = prunekit.training.checkpoint.Checkpoint.__init__
    prunekit.training.checkpoint.Checkpoint.__init__ = lambda self, path, **how: made(
        self, path, 0.0, 1e9, **how
    )


MOMENTS = {"": lambda: None, "clock": clock_back, "quota": small_files, "checkpoints": many_checkpoints}


def child(order):
    os.setsid()
    out = os.open(order["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.chdir(order["cwd"])
    for how in order["how"]:
        MOMENTS[how]()
    try:
        main(order["args"])
    except SystemExit as end:
        sys.stdout.flush()
        os._exit(int(end.code or 0))
    finally:
        sys.stdout.flush()
        os._exit(70)


def serve(order, say):
    began = time.monotonic()
    pid = order["pid"]
    if order["kill"] is not None:
        time.sleep(order["kill"])
        os.kill(pid, signal.SIGKILL)  # not waited for yet, so the id is still its own
    _, status = os.waitpid(pid, 0)
    LIVING.discard(pid)
    say(id=order["id"], code=os.waitstatus_to_exitcode(status), seconds=time.monotonic() - began)


def loop():
    for name in RUN:
        RUN[name].run.load()
    importlib.import_module("torch._dynamo")  # the first optimizer of every fork would load it
    lock = threading.Lock()

    def say(**message):
        with lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    say(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        with lock:
            order["pid"] = os.fork()
        if order["pid"] == 0:
            child(order)
        LIVING.add(order["pid"])
        say(id=order["id"], pid=order["pid"])
        threading.Thread(target=serve, args=(order, say)).start()
    for pid in tuple(LIVING):  # the tests are over
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    loop()
