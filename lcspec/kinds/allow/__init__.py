"""Capabilities: what could run code and may be used, each for one item and one digest."""
