"""Two services cannot listen on one port, and a key's digest has 64 hexadecimal digits."""

import re
from itertools import combinations

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

SHA256 = re.compile(r"[0-9a-f]{64}\Z")
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of no key at all


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0802 for one port twice, LC0803 for what is no digest of a key."""
    targets = list(spec.entries("deploy").values())
    for one, two in combinations(targets, 2):
        same = [getattr(entry.body, "port", None) for entry in (one, two)]
        hosts = {getattr(entry.body, "host", None) for entry in (one, two)}
        if same[0] is not None and same[0] == same[1] and len(hosts) == 1 and one.kind == two.kind:
            message = f"`{one.name}` and `{two.name}` both listen on port {same[0]}"
            path = (*two.path, "port") if "port" in two.body.model_fields_set else two.path
            also = ((one.path, "the same port"),)
            report.warning("LC0802", path, message, "give one of them another `port`", also=also)
    for entry in targets:
        for index, digest in enumerate(getattr(entry.body, "api_keys_sha256", ())):
            if not SHA256.match(digest) or digest == EMPTY:
                what = "is the digest of an empty key" if digest == EMPTY else "is no SHA-256: no key would be accepted"
                help = 'write the output of `printf %s "$KEY" | sha256sum`, 64 lower-case hexadecimal digits'
                path = (*entry.path, "api-keys-sha256", index)
                report.error("LC0803", path, f"`{digest[:16]}…` {what}", help)
