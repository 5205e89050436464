"""Parts of the command ``table.py`` and ``learning_curve.py``."""
