"""Memory is kept for the next step, and the system gets it back afterwards."""

import os
import subprocess
import sys

import pytest

from prunekit.base import memory

SCRIPT = """
import resource
import torch
from prunekit.base.memory import memory_kept

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

torch.set_num_threads(1)
with memory_kept():
    new = []
    for _ in range(8):
        before = faults()
        held = torch.ones(2**24)
        new.append(faults() - before)
        del held
    print(min(new))
    before = resident()
print(before - resident())
"""


@pytest.mark.skipif(memory._glibc() is None, reason="needs glibc with its own settings")
@pytest.mark.parametrize(("settings", "kept"), [({}, True), ({"MALLOC_TRIM_THRESHOLD_": "100000"}, False)])
def test_a_freed_tensor_is_used_again_without_new_pages_unless_the_user_chose(settings, kept):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=100, env=os.environ | settings
    )
    assert done.returncode == 0, done.stderr
    faults, returned = map(int, done.stdout.split())
    assert (faults < 1000) == kept  # its 64 MiB are 16,384 pages
    assert not kept or returned > 60 * 2**20


def test_only_the_outermost_block_sets_and_returns_and_after_an_error_too(monkeypatch):
    calls = []

    class Library:
        def mallopt(self, parameter: int, value: int) -> None:
            calls.append((parameter, value))

        def malloc_trim(self, pad: int) -> None:
            calls.append(("trim", pad))

    monkeypatch.setattr(memory, "_glibc", Library)
    with pytest.raises(ZeroDivisionError), memory.memory_kept(), memory.memory_kept():
        raise ZeroDivisionError
    assert calls == [*memory.KEPT.items(), *memory.AFTERWARDS.items(), ("trim", 0)]


@pytest.mark.parametrize(("free", "returned"), [(memory.FEW, []), (memory.FEW + 1, [0])])
def test_a_few_free_bytes_stay_since_filling_them_anew_takes_longer(free, returned, monkeypatch):
    trimmed = []

    class Library:
        def mallopt(self, parameter: int, value: int) -> None: ...

        def malloc_trim(self, pad: int) -> None:
            trimmed.append(pad)

    monkeypatch.setattr(memory, "_glibc", Library)
    monkeypatch.setattr(memory, "_free", lambda library: free)
    with memory.memory_kept():
        pass
    assert trimmed == returned


@pytest.mark.skipif(memory._glibc() is None, reason="needs glibc with its own settings")
def test_the_library_says_how_much_is_free():
    library = memory._glibc()
    assert memory._free(library) > 0
    assert memory._free(object()) == float("inf")


@pytest.mark.parametrize(("platform", "settings"), [("darwin", {}), ("linux", {"GLIBC_TUNABLES": "a=1"})])
def test_elsewhere_nothing_is_changed(platform, settings, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert memory._glibc() is None
    with memory.memory_kept():
        pass
