"""A reduced run of benchmarks/coverage.py: a broken interval covers far less (or everything)."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "coverage.py"
SMOOTH = ("error", "rise over the parent", "excess error", "excess slope", "agreement", "agreement gain")


@pytest.fixture(scope="module")
def simulation():
    spec = importlib.util.spec_from_file_location("coverage_simulation", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seeds"), [(360, 1), (1000, 3)])
def test_the_intervals_cover(simulation, n, seeds):
    # 400 trials: the standard error of a coverage of 95 % is 1.1 points; three of them either side of 93 to 97.
    found = simulation.coverage(n, seeds, 400, 300, simulation.GRIDS["quickstart"])
    for name, (own, _, _) in found.items():
        assert own >= 90, name
        assert own <= 99.5 or name not in SMOOTH, name


@pytest.mark.slow
def test_one_seeds_potential_covers_on_a_fine_grid_where_its_resamples_alone_do_not(simulation):
    found = simulation.coverage(360, 1, 300, 300, simulation.GRIDS["paper"])
    assert found["potential, nominal"][0] >= 93
