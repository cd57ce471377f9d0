"""What a reviewer would say of recipes: one rule a file."""
