"""What several pictures share: inputs, codes, heads, style."""
