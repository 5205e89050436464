"""Checkpoints: safetensors with JSON, and the published ``.pth`` files."""

from sk_brainrvq.exceptions import CheckpointError
from sk_brainrvq.weights.architecture import Architecture
from sk_brainrvq.weights.official import load_official
from sk_brainrvq.weights.resolving import bundled_weights, resolve_weights
from sk_brainrvq.weights.weights import Weights

__all__ = [
    "Architecture",
    "CheckpointError",
    "Weights",
    "bundled_weights",
    "load_official",
    "resolve_weights",
]
