"""Options: from signatures and docstrings, of their types, from a file."""
