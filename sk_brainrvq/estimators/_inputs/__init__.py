"""Checks of what users pass to the estimators."""
