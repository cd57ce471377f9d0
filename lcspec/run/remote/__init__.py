"""A store behind the local one, under a URL: what one machine has finished, others reuse. See `behind.py`."""
