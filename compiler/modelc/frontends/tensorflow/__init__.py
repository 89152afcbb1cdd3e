"""Readers of TensorFlow's files, without TensorFlow."""
