"""Ops that reduce, rank or accumulate along axes, and those that select boxes by score."""
