"""What a run came to."""

from dataclasses import dataclass, field

from lcspec.diag.model import Diagnostic


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        status: ok, failed or interrupted.
        failures: step and diagnostic of each that failed, in the order in which they failed.
        warnings: what did not stop the run, but should be known.
        skipped: step and the reason for each that could not run because of that.
        overhead: seconds that no step was at work.
        exit_code: what the outcome asks for; None where the usual code will do.
        unpushed: why finished results did not get to the remote store.
    """

    status: str = "ok"
    failures: list[tuple[str, Diagnostic]] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    ran: int = 0
    reused: int = 0
    overhead: float = 0.0
    exit_code: int | None = None
    unpushed: Diagnostic | None = None
