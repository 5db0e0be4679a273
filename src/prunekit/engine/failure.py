"""Why a step failed: one line for the person, the whole traceback for the log."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from pathlib import Path

from prunekit.errors import PrunekitError


def one_line(error: BaseException) -> str:
    """The reason in one line; an error that prunekit did not foresee says its type."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if isinstance(error, PrunekitError) else f"{type(error).__name__}: {text}"


def report(error: BaseException, keys: Sequence[str], store: Path) -> str:
    """Write the traceback to ``logs/KEY.log`` of the store; returns the reason and where the log is."""
    log = store / "logs" / f"{keys[0]}.log"
    reason = one_line(error)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return reason
    return f"{reason} (log: {log})"
