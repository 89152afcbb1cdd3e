"""AIPP: the preprocessing of images that Ascend chips do in front of a model, read, checked and emulated."""
