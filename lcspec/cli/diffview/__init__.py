"""A review as text for a terminal and as Markdown for a pull request."""
