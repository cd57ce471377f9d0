"""Kinds of the family `model`: Which weights a candidate starts from. One file each."""
