"""Sections of ``benchmarks/speed.py``, one per file; each has ``run(options) -> list of Table``."""
