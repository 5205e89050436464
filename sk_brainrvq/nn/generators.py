"""Torch's global generators belong to the process: who moves them holds this lock."""

import threading

GENERATOR_LOCK = threading.RLock()
