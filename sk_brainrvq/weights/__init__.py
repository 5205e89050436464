"""Checkpoints in and out: safetensors with JSON, and the published ``.pth`` files."""

from sk_brainrvq.weights.exceptions import CheckpointError
from sk_brainrvq.weights.official import load_official
from sk_brainrvq.weights.weights import Weights, resolve_weights

__all__ = ["CheckpointError", "Weights", "load_official", "resolve_weights"]
