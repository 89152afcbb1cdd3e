"""The way to and from CANN's `atc`: its command line understood, its run watched, its messages read."""
