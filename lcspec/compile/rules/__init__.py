"""Cross-field rules, one file each; discovered by file name."""
