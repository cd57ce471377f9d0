"""A first spec from a data file: look at it, guess what it is for, propose what its rows can support, write it."""
