"""Recipes: a study as data. Reads, checks, plans (as a pure function) and explains a file. No torch."""
