"""Findings: codes, the sink that collects them, and the renderers."""
