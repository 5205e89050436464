"""Errors and warnings of the package; import them from here to catch them.

Errors in the user's input are all ``ValueError`` too, so that scikit-learn treats them as its own.
"""


class InvalidEEGError(ValueError):
    """The signals, names, rate or unit given cannot be used as EEG."""


class InvalidCorpusError(InvalidEEGError):
    """A corpus cannot be built or read as asked; the message says why and what to do."""


class EEGWarning(UserWarning):
    """Something was assumed about the EEG; the message says what and how to set it."""


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or does not hold what was asked for."""


class TrainingDivergedError(ValueError):
    """The loss became NaN or infinite."""


class ResumeError(ValueError):
    """A training cannot be saved, or cannot go on from what was saved."""


class LostProcessError(RuntimeError):
    """One of several processes that train together is gone."""


class OutOfMemoryError(MemoryError):
    """Memory did not suffice; the message says for what, what is free, and what needs less."""
