"""What networks need in memory, what is free, and what to say and do where it does not suffice."""
