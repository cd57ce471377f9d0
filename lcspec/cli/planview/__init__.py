"""How a plan looks on a terminal."""
