"""Differences between two models or artifacts, in the user's names: what was added, removed and changed."""
