"""Public EEG of several recorders as one corpus: reading, writing, and a search for leaks."""
