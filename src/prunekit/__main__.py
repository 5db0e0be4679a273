"""``python -m prunekit``."""

from prunekit.cli.app import main

main()
