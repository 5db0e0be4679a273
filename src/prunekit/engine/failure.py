"""Why a step failed: one line for the user, the whole traceback for the log."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from prunekit.base import files
from prunekit.errors import PrunekitError, reason
from prunekit.store.upkeep import LOG_BEGINS, is_log

MOST_ALIKE = 3
_LOG = " (log: "


def report(error: BaseException, keys: Sequence[str], store: Path) -> str:
    """Write the traceback to ``logs/KEY.log`` of the store; returns the reason and where the log is."""
    log = store / "logs" / f"{keys[0]}.log"
    why = reason(error)
    text = f"{LOG_BEGINS}{keys[0]}\n{''.join(traceback.format_exception(error))}"
    try:
        files.write(log, text.encode(errors="backslashreplace"), within=store, ours=is_log)
    except PrunekitError:
        return why
    return f"{why}{_LOG}{log})"


def lines(failed: Mapping[str, str]) -> Iterator[str]:
    """Failures by key, one per line; for many with the same reason, the first few and the number of others."""
    alike = Counter(map(_why, failed.values()))
    told: Counter[str] = Counter()
    for key, given in failed.items():
        why = _why(given)
        told[why] += 1
        if told[why] <= MOST_ALIKE:
            yield f"failed: {key}: {given}"
        elif told[why] == alike[why]:
            yield f"failed: {alike[why] - MOST_ALIKE} more steps, for the same reason: {why}"


def _why(reason: str) -> str:
    return reason.partition(_LOG)[0]
