"""Parts of the commands ``table.py`` and ``learning_curve.py``."""
