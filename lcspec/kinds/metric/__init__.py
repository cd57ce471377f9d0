"""Kinds of the family `metric`: What is computed from answers. One file each."""
