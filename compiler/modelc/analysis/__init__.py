"""What a model costs: parameters, arithmetic, memory traffic, and the memory its activations need."""
