"""Predictions made elsewhere: files of logits, probabilities or classes, as per-example outcomes. No torch."""
