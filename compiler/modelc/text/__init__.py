"""The textual form of the IR (`.mir`) and of option and shape specifications."""
