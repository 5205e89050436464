"""The command ``sk-brainrvq``: what the estimators do, from a shell."""

from sk_brainrvq.command_line.app import main

__all__ = ["main"]
