"""Kinds of the family `tuning`: How weights are changed. One file each."""
