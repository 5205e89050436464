"""Callbacks of training: checkpoints and the progress bar."""
