"""Inputs, codes, head maps and style shared by several figures."""
