"""Sources of EEG: arrays, MNE objects, files, braindecode datasets."""
