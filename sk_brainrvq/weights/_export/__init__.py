"""Networks for other runtimes: ONNX and torch.export, with a manifest of the preprocessing."""
