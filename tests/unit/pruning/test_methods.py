import subprocess
import sys

from prunekit.pruning.methods import METHODS
from prunekit.registry import Lazy


def test_the_table_loads_no_torch():
    code = "import sys, prunekit.pruning.methods; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_row_names_functions_that_exist_and_a_source():
    for row in METHODS.values():
        assert row.source
        for function in (row.sensitivity, row.allocate):
            assert isinstance(function, Lazy)
            assert callable(function.load())
