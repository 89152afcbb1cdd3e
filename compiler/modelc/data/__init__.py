"""Data files of the product."""
