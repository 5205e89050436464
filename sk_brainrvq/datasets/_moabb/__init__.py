"""Datasets and saved models of MOABB, which is an extra."""
