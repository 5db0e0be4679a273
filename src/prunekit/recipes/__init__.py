"""Recipes: a study as data. Read and check a file, plan it purely into keyed steps, explain it. No torch."""
