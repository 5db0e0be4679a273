"""Prune neural networks, then measure what test accuracy hides."""

__version__ = "0.1.0"
