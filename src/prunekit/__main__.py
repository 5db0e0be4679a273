"""``python -m prunekit``."""

import sys
from pathlib import Path

# ``-m`` puts the working directory first: a file there (queue.py, numpy.py) would hide a module of that name.
if not sys.flags.safe_path and sys.path and Path(sys.path[0]) == Path.cwd():
    del sys.path[0]

from prunekit.cli import main

main()
