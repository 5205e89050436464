"""What each command does, and what only commands need."""
