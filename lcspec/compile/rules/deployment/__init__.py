"""What a reviewer would say of optimising and serving: one rule a file."""
