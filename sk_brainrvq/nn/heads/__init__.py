"""What reads the encoder's tokens: predictions of codes and summaries, and of labels."""
