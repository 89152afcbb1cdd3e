"""Lowering of TensorFlow ops to the canonical dialect: a table from op type to lowering function, one file per family."""
