"""The built-in backends; registered like anybody's."""
