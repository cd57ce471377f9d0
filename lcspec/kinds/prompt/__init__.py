"""Kinds of the family `prompt`: How a row becomes a request. One file each."""
