"""Moving transpositions towards each other until they cancel: what each op of ONNX makes of a transposed operand."""
