"""The ``prunekit`` command: one command, one step; data on stdout, everything else on stderr."""

import sys

INTERRUPTED = 130


def main(args: list[str] | None = None) -> None:
    """Run the command line; Ctrl-C before the handler is set or after the end shows no traceback either."""
    try:
        from prunekit.cli.app import main as begin

        begin(args)
    except KeyboardInterrupt:
        if args is not None:
            raise
        sys.stderr.write("prunekit: interrupted\n")
        sys.exit(INTERRUPTED)
    finally:
        if args is None:
            from prunekit.base.interruption import leave

            leave()
