"""The exit codes of the command."""

FINE, FINDINGS, USAGE, INTERNAL = 0, 1, 2, 3
