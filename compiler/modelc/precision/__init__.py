"""Emulation of what a chip does in lower precision, on the CPU: overflow and loss show before a device runs."""
