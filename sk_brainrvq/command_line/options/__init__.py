"""Options: from signatures and docstrings, their types, and values from a file."""
