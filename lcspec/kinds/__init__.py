"""Kinds: one folder per family, one file per kind. `api.py` is the seam, `registry.py` finds them."""
