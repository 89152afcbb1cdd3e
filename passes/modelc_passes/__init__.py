"""The built-in passes, one file each; registered like anybody's."""
