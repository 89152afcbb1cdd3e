"""Ops that rearrange, join, split or describe tensors without looking at their numbers."""
