"""Filters, references and sampling rates."""
