"""The commands, and what only commands need."""
