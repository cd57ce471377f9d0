"""What a reviewer would say of the ladder: one rule a file."""
