"""What the protocols share: recordings, reading, cutting, windows, downloads."""
