"""Torch's global generators are shared by the whole process: hold this lock to change them."""

import threading

GENERATOR_LOCK = threading.RLock()
