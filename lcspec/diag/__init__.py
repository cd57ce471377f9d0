"""Diagnostics: the model, the codes, the renderings."""
