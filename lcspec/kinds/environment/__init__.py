"""Where the steps of a kind run that cannot run beside lcspec's own libraries."""
