"""Sections of ``benchmarks/speed.py``, one a file; each has ``run(options) -> list of Table``."""
