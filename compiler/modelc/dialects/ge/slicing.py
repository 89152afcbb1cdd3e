"""Ops that cut tensors, pad them, or turn parts of them around."""
