"""Gates: `verdict.py` judges one candidate by one gate, `choose.py` makes the choices. Pure functions of records."""
