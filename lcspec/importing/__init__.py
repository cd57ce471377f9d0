"""Training files of other tools to lcspec specs: one file per tool, pure functions from text to a spec and a report."""
