"""The intermediate representation: types, values, ops, graphs, models, blobs and origins."""
