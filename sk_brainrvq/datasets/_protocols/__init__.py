"""Shared parts of the protocols: recordings, reading, cutting, windows, downloads."""
