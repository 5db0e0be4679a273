"""Rows marked ``gpu`` run on a GPU where there is one, else on a pretend one; pytest's summary says on which."""

import pytest

USED = set()


@pytest.fixture(autouse=True)
def gpu(request):
    """For rows marked ``gpu``: the pretend GPU that they run on, or None on a real one."""
    if request.node.get_closest_marker("gpu") is None:
        yield None
        return
    import torch

    if torch.cuda.is_available():
        USED.add(torch.cuda.get_device_name())
        yield None
        return
    USED.add("a pretend GPU (no real one is here)")
    with request.getfixturevalue("pretend_gpu")(rounds=True) as pretend:
        yield pretend


@pytest.fixture
def pretend_gpu():
    """The class of pretend GPUs, for rows that ask what a real one cannot say."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("a real GPU is here, whose waits and launches cannot be counted")
    if not torch.backends.cuda.is_built():
        pytest.skip("this torch is built without CUDA, and the pretend GPU needs CUDA's operations")
    from pretend.gpu import PretendGpu

    return PretendGpu


def pytest_terminal_summary(terminalreporter):
    for name in sorted(USED):
        terminalreporter.write_line(f"GPU rows ran on {name}")
