"""Execution of the canonical dialect on the CPU, and comparison of results."""
