"""Replay: whether a pass keeps the numbers, and which of its rewrites did not."""
