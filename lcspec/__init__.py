"""lcspec: a declarative spec compiler and runner for the lifecycle of a generative-AI project."""

__version__ = "0.1.0"
