"""A reduced run of benchmarks/coverage.py: a broken interval covers far less (or everything)."""

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SMOOTH = ("error", "rise", "rise, last ratio", "excess error", "excess slope", "agreement", "agreement gain")


@pytest.fixture(scope="module")
def simulation():
    spec = importlib.util.spec_from_file_location("coverage_simulation", FOLDER / "coverage.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(FOLDER))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


@pytest.mark.slow
@pytest.mark.parametrize(("n", "seeds"), [(360, 1), (1000, 3)])
def test_the_intervals_cover(simulation, n, seeds):
    # 400 trials: the standard error of a coverage of 95 % is 1.1 points; three of them either side of 93 to 97.
    found = simulation.cell(n, seeds, 5, simulation.STRESS[0], 400)
    assert set(found) == set(simulation.STATISTICS)
    for name, (covered, _) in found.items():
        assert covered >= 90, name
        assert covered <= 99.5 or name not in SMOOTH, name


@pytest.mark.slow
@pytest.mark.parametrize("n", [36, 360])
def test_one_seeds_potentials_and_their_differences_cover_on_a_fine_grid(simulation, n):
    """Resamples of the images alone: 72 % of the gains at 36 images, and 90 % of the potentials at 360."""
    found = simulation.cell(n, 1, 23, simulation.STRESS[0], 300)
    for name in ("potential, nominal", "noise potential", "nominal less smallest", "robust gain, shifted"):
        assert found[name][0] >= 92, name
