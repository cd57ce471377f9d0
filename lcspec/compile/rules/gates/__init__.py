"""What a reviewer would say of gates: one rule a file."""
