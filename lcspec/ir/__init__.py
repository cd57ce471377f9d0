"""The values that flow from text to report: data only, no behaviour beyond look-ups."""
