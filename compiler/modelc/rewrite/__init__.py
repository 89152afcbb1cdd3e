"""The one editor of graphs, rewrite rules and the worklist driver."""
