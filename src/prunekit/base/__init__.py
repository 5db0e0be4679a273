"""Helpers that every package may use: files, code, processes, numbers."""
