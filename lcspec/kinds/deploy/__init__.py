"""Kinds of the family `deploy`: What is generated and served. One file each."""
