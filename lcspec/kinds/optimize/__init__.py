"""Kinds of the family `optimize`: How weights are made smaller or faster. One file each."""
