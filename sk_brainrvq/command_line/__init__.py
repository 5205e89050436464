"""The command ``sk-brainrvq``, which runs the estimators from a shell."""

from sk_brainrvq.command_line.app import main

__all__ = ["main"]
