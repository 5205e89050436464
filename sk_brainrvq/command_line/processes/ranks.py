"""Rank of this process among several, from the variables of torchrun and accelerate."""

import os


def rank() -> int:
    """Number of this process, from 0."""
    return int(os.environ.get("RANK", 0))


def world_size() -> int:
    """Number of processes."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_main_process() -> bool:
    """Whether this process is the one that prints and saves."""
    return rank() == 0
