"""Sensitivities: what a weight or filter scores; the lowest go first."""
