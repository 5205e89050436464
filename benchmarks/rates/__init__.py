"""Rivals and bounds of the codes, for ``codes.py``."""
