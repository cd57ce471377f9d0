"""Kinds of the family `augment`: What surrounds the model. One file each."""
