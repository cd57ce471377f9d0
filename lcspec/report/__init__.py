"""The report: `build.py` makes the model from records, `markdown.py` and `html.py` show the same model."""
