"""The styles in which findings are printed, one file each."""
