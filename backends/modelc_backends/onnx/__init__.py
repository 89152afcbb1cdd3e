"""The ONNX backend: the canonical dialect lowered to ONNX, laid out channels first, and written as a file."""
