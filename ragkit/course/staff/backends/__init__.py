"""What MiniLM's ONNX backends cost in quality."""
