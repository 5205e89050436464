"""Subjects of features, and centring of each person."""
