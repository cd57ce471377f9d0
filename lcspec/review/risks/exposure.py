"""A target that more can reach."""

from lcspec.compile.check import Reporter
from lcspec.review.model import Review

LOOPBACK = ("127.0.0.1", "::1", "localhost")
HELP = "make sure that this network and these keys are meant to reach it"


def note(made: Review, report: Reporter) -> None:
    """LC1406 for a target that leaves loopback, asks for no key any more, or is new and open to others."""
    for name, entry in made.head.spec.entries("deploy").items():
        old = made.base.spec.entries("deploy").get(name)
        host, before = getattr(entry.body, "host", None), getattr(getattr(old, "body", None), "host", None)
        at = ("deployment", "targets", name)
        if host is not None and host not in LOOPBACK and (before is None or before in LOOPBACK):
            was = f", before on {before}" if before else ""
            report.warning("LC1406", (*at, "host"), f"`{name}` listens on {host}{was}", HELP)
        keys = getattr(entry.body, "api_keys_sha256", ())
        had = getattr(getattr(old, "body", None), "api_keys_sha256", ())
        if host in LOOPBACK and before not in LOOPBACK:
            continue  # it withdrew: its keys went with it
        if had and not keys:
            report.warning("LC1406", at, f"`{name}` asks for no API key any more", HELP, key=True)
        elif had and set(keys) - set(had):
            added = len(set(keys) - set(had))
            report.warning("LC1406", (*at, "api-keys-sha256"), f"`{name}` accepts {added} more API key(s)", HELP)
