"""What several passes build on: known numbers, ranges, variables, policy, weights that are computed while written."""
