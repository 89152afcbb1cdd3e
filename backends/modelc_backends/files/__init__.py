"""Writing files of any target: streams of metadata and weights, names, and sets of files that appear as one."""
