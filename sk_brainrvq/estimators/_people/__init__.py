"""Whom features are of, and how each person is centred."""
