"""Errors and warnings about the EEG a user hands over."""


class InvalidEEGError(ValueError):
    """The signals, names, rate or unit given cannot be used as EEG."""


class EEGWarning(UserWarning):
    """Something was assumed about the EEG; the message says what and how to set it."""
