"""Ops that read and write tensors by index, and those whose result's extent depends on numbers."""
