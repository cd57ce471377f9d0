"""Kinds of the family `suite`: How a candidate is measured. One file each."""
