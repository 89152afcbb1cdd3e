"""Passes, facts, options, the pass manager, instruments and the registry."""
