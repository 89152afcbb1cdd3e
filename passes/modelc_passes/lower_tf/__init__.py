"""Lowering of TensorFlow ops to the canonical dialect: a table of functions by op type, one file per family."""
