"""Outputs of the estimators, and what they save."""
