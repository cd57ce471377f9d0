"""What a reviewer would say of data: one rule a file."""
