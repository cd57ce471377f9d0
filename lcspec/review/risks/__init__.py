"""What a reviewer should look at twice: one file a risk, discovered by file name.

Each has `note(made, report)`: it warns at the line of the head that brought the risk, or where something is gone.
"""

from importlib import import_module
from pkgutil import iter_modules

from lcspec.compile.check import Reporter
from lcspec.review.model import Review


def notes(made: Review, report: Reporter) -> None:
    """Every risk, in the order of their names."""
    for found in sorted(iter_modules(__path__), key=lambda module: module.name):
        import_module(f"{__name__}.{found.name}").note(made, report)
