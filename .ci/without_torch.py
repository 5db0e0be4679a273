"""Everything over stored outcomes works where torch is not installed; ``--block`` makes it look so where it is."""

from __future__ import annotations

import contextlib
import importlib.abc
import io
import os
import sys
import tempfile
from pathlib import Path

BLOCKED = ("torch", "torchvision", "timm")


class Blocker(importlib.abc.MetaPathFinder):
    """Makes packages look as if they were not installed."""

    def find_spec(self, name, path=None, target=None):
        """Refuse the blocked packages and leave the others to the next finder."""
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def commands(folder):
    """What is run, with the exit code that it must have."""
    of = ("--distribution", "photos")
    return [
        (("outcomes", "add", folder / "dense.npz", "--model", "dense", *of), 0),
        (
            (
                "outcomes",
                "add",
                folder / "half.npz",
                "--model",
                "half",
                "--parent",
                "dense",
                "--prune-ratio",
                "0.5",
                *of,
            ),
            0,
        ),
        (("compare", "dense", "half", "--margin", "0.9", "--gate", "--junit", folder / "v.xml"), 0),
        (("potential", "half", *of), 0),
        (("report", "half", "--out", folder / "page"), 0),
        (("outcomes", "export", "half", "--out", folder / "half.csv"), 0),
        (("ls",), 0),
        (("verify",), 0),
        (("list", "methods"), 0),
        (("recipe", "explain", "quickstart"), 0),
        (("power", "--discordance", "0.08", "--margin", "0.01"), 0),
        (("train", "--arch", "resnet8", "--dataset", "digits", "--epochs", "1"), 2),
    ]


def predictions(folder):
    """Logits of two networks on the same images."""
    import numpy as np

    draws = np.random.default_rng(0)
    labels, logits = draws.integers(0, 3, 500), draws.normal(size=(500, 3))
    logits[np.arange(500), labels] += 2  # a parent that only guesses passes no gate
    np.savez(folder / "dense.npz", logits=logits, labels=labels)
    np.savez(folder / "half.npz", logits=logits + draws.normal(size=logits.shape), labels=labels)


def ran(args):
    """The exit code and the last line on stderr of a command in this process."""
    from prunekit.cli.app import main

    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            main([str(arg) for arg in args])
        except SystemExit as stopped:
            return int(stopped.code or 0), err.getvalue().strip()
    return 0, err.getvalue().strip()


def main():
    """Run every command; exit 1 at the first that ends otherwise than it must."""
    if "--block" in sys.argv:
        sys.meta_path.insert(0, Blocker())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"PRUNEKIT_STORE": str(folder / "store"), "PRUNEKIT_DATA": str(folder / "data")}
        predictions(folder)
        for args, code in commands(folder):
            found, said = ran(args)
            shown = " ".join(map(str, args[:2]))
            if found != code:
                sys.exit(f"prunekit {shown}: exit {found}, not {code}: {said}")
            print(f"prunekit {shown}: exit {found} {said if code else ''}")
    assert not set(BLOCKED) & set(sys.modules), "torch was loaded"


if __name__ == "__main__":
    main()
