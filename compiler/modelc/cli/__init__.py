"""The `modelc` command: one module per subcommand."""
