"""What a reviewer would say of retrieval and guardrails: one rule a file."""
