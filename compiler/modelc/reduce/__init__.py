"""Reduction: the smallest model that still fails in the same way."""
