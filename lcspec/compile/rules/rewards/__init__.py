"""Rules on recipes that learn from rewards: one rule a file."""
