"""The ``prunekit`` command: one command, one step; data on stdout, everything else on stderr."""

from prunekit.cli.app import main

__all__ = ["main"]
