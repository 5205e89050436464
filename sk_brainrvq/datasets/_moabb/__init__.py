"""Datasets and saved models for MOABB, which is an extra."""
