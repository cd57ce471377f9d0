"""Kinds of the family `source`: Where files come from. One file each."""
