"""Sensitivities: scores of weights, filters or input channels; the lowest are removed first."""
