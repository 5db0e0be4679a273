"""Measure this machine's speed in a child process, so that the planning process loads no torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping
from typing import Any

from prunekit.engine.child import Lifeline, environment, python
from prunekit.engine.costs import Network, roots_of
from prunekit.engine.forecast import Speed, Timing
from prunekit.params import Params, Root, distribution_of
from prunekit.steps.settings import Settings
from prunekit.steps.work import counted_as


def calibrate(steps: Mapping[str, Params], wanted: Collection[str], settings: Settings) -> Timing:
    """Time every network of the steps with the ``wanted`` keys, a few seconds each; nothing is stored.

    ``steps`` are the whole plan by key, parents before children: a step's network is that of its root. What could
    not be determined is listed in ``troubles``, never raised.
    """
    question = request(steps, wanted, settings)
    lifeline = Lifeline()
    try:
        done = subprocess.run(  # noqa: S603 - ourselves
            python("-m", "prunekit.engine.calibrate"),
            input=json.dumps(question),
            capture_output=True,
            text=True,
            check=False,
            env=environment(lifeline.environment()),
            pass_fds=(lifeline.end,),
        )
    finally:
        lifeline.close()
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"it exited with {done.returncode}"])[-1]
        return Timing({}, {}, (f"nothing can be calibrated: {reason}",))
    return read(json.loads(done.stdout))


def request(steps: Mapping[str, Params], wanted: Collection[str], settings: Settings) -> dict[str, Any]:
    """The request to the child process as JSON values: each network once, and every data set to count."""
    roots = roots_of(steps)
    networks: dict[Network, dict[str, Any]] = {}
    for key in wanted:
        root = roots[key]
        if isinstance(root, Root):
            network = Network.of(root)
            how = {"batch_size": root.batch_size, "precision": root.precision}
            networks.setdefault(network, network._asdict() | how)
    named = (distribution_of(steps[key]) for key in wanted)
    counted = {counted_as(name)[0] for name in named if name is not None}
    return {
        "settings": settings._asdict(),
        "networks": list(networks.values()),
        "datasets": sorted(counted | {network.dataset for network in networks}),
    }


def read(answer: dict[str, Any]) -> Timing:
    """The child process's answer."""
    speeds = {_network(each): Speed(**each["speed"]) for each in answer["networks"]}
    return Timing(speeds, answer["images"], tuple(answer["troubles"]))


def _network(asked: Mapping[str, Any]) -> Network:
    size = asked["size"]
    return Network(
        asked["arch"], asked["dataset"], None if size is None else (size[0], size[1]), asked["imported"]
    )
