"""Ascend artifacts: `.om` and `.air`, written, read and checked."""
