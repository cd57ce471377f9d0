"""Kinds of the family `data`: What rows and documents look like. One file each."""
