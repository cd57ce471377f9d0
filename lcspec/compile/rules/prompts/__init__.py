"""What a reviewer would say of prompts: one rule a file."""
