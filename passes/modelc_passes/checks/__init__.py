"""Checks: the legality rules of the target, one file for each; `rule` holds what they share."""
