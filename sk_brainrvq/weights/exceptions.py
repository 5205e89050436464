"""Errors of checkpoints and weights."""


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or does not hold what was asked for."""
