"""What code of the project's own may take on this machine."""

from typing import NamedTuple


class CodeSettings(NamedTuple):
    """Whether it must run in a sandbox (`sandbox`) or in the best there is (`best`); bytes; seconds for one row."""

    confine: str = "best"
    memory: int = 4 << 30
    time: float = 60.0
