"""What a model must be for its scope: one rule a file."""
