"""Inputs, codes, heads and style that several figures share."""
