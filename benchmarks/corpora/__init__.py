"""Public EEG from several devices as one corpus: reading, writing, and a search for leaks."""
