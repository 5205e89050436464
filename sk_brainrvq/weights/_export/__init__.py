"""Export networks for other runtimes as ONNX or torch.export, with a preprocessing manifest."""
