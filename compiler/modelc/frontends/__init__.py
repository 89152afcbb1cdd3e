"""Readers: files of a framework to IR in that framework's own dialect."""
