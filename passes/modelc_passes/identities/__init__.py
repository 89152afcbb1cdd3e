"""The rules of remove-identities, by what they look at."""
