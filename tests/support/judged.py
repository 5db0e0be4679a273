"""Rows with a rise that a first page judges: of a curve, and of single networks."""

SPREAD = 0.004


def curve(asked, rise, distribution="digits", method="wt", **more):
    return {
        "finding": "prune-curve",
        "method": method,
        "role": "pruned",
        "asked": asked,
        "prune_ratio": asked,
        "distribution": distribution,
        "nominal": distribution == "digits",
        "value": 0.1 + rise,
        "rise": rise,
        "rise_low": rise - SPREAD,
        "rise_high": rise + SPREAD,
        "margin": 0.01,
        "n": 1000,
        "seeds": 1,
        "flags": [],
    } | more


def compared(network, rise, distribution="digits"):
    return curve(0.0, rise, distribution, method=None) | {
        "finding": "comparison",
        "role": "compressed",
        "network": network,
        "value": rise,
        "low": rise - SPREAD,
        "high": rise + SPREAD,
        "limit": 0.01,
        "asked": None,
    }
