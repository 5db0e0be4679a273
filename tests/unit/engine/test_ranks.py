"""Several processes of one command: rank 0 speaks for all, and the first failure ends them."""

import sys

import pytest

from prunekit.engine import ranks
from prunekit.engine.ranks import together

HEAD = "import os, sys, time\nrank = int(os.environ['RANK'])\n"


def run(code, capfd, **more):
    ended = together([sys.executable, "-c", HEAD + code], 3, **more)
    said = capfd.readouterr()
    return ended, said.out, said.err


def test_every_process_knows_its_place_and_rank_0_alone_is_heard(capfd):
    code = "print(os.environ['WORLD_SIZE'], rank, os.environ['LOCAL_RANK'], sys.stdin.read())"
    assert run(code, capfd, typed="key") == (0, "3 0 0 key\n", "")


def test_what_all_say_is_told_once(capfd):
    assert run("sys.exit(print('wrong', file=sys.stderr) or 2)", capfd) == (2, "", "wrong\n")


def test_a_failure_that_rank_0_does_not_know_is_told(capfd):
    code = "if rank == 1: sys.exit(print('no device 1', file=sys.stderr) or 2)"
    assert run(code, capfd) == (2, "", "no device 1\n")


def test_a_process_that_would_wait_forever_is_ended(capfd, monkeypatch):
    monkeypatch.setattr(ranks, "SECONDS_TO_END", 0.5)
    assert run("time.sleep(600) if rank else sys.exit(3)", capfd)[0] == 3


@pytest.mark.parametrize("victim", [0, 2])
def test_a_killed_process_is_told_by_the_others_or_by_nobody(capfd, victim):
    killed = f"if rank == {victim}: os.kill(os.getpid(), 9)\n"
    others = "print('another has ended', file=sys.stderr)\nsys.exit(1)"
    assert run(killed + others, capfd) == (1, "", "another has ended\n")
    ended, _, said = run(killed, capfd)
    assert (ended, said) == (1, f"prunekit: process {victim} was killed (signal 9)\n")
