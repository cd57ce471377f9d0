"""What the rows of local files show: one rule a file."""
