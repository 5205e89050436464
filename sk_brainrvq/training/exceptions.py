"""Errors of training."""


class TrainingDivergedError(ValueError):
    """The loss became NaN or infinite."""


class ResumeError(ValueError):
    """A training cannot be saved, or cannot go on from what was saved."""


class LostProcessError(RuntimeError):
    """One of several processes that train together is gone."""
