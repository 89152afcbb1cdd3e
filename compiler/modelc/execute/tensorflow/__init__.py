"""TensorFlow as the oracle of its own models, in a process of its own, which may crash or hang without harm."""
