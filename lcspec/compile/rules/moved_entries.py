"""`moved`: what it names must be entries of one section, the old one gone and the new one there, without a circle."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.moves import Named, named
from lcspec.diag.suggest import did_you_mean
from lcspec.ir.spec import Spec
from lcspec.kinds.api import SECTIONS

_SECTION = {family: ".".join(path) for path, family in SECTIONS.items()}


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0250 target unknown, LC0251 source still there, LC0252 circle or fork, LC0253 no entry of one section."""
    pairs: dict[int, tuple[Named, Named]] = {}
    for number, move in enumerate(spec.moved):
        old, new = named(move.from_), named(move.to)
        for key, text, found in (("from", move.from_, old), ("to", move.to, new)):
            if found is None:
                help = f"say a section and a name, as in `models.small`; sections: {', '.join(_SECTION.values())}"
                report.error("LC0253", ("moved", number, key), f"`{text}` does not name an entry", help)
        if old is None or new is None:
            continue
        if old.family != new.family:
            message = f"`{move.from_}` and `{move.to}` are in different sections"
            report.error("LC0253", ("moved", number, "to"), message, "an entry keeps its section when it is renamed")
        else:
            pairs[number] = (old, new)
    if _tangled(pairs, report):
        return
    olds = {old for old, _ in pairs.values()}
    for number, (old, new) in pairs.items():
        entries = spec.entries(new.family)
        if new not in olds and new.name not in entries:
            help = did_you_mean(new.name, entries, f"entries of {_SECTION[new.family]}")
            report.error("LC0250", ("moved", number, "to"), f"there is no entry `{spec.moved[number].to}`", help)
        if old.name in entries:
            also = (((*_path(old), old.name), "still here"),)
            help = "take the old entry out, or the move"
            message = f"`{spec.moved[number].from_}` was moved and is still there"
            report.error("LC0251", ("moved", number, "from"), message, help, also=also)


def _path(entry: Named) -> tuple[str, ...]:
    return next(path for path, family in SECTIONS.items() if family == entry.family)


def _tangled(pairs: dict[int, tuple[Named, Named]], report: Reporter) -> bool:
    """Whether moves go in a circle, or one entry goes or comes two ways; each is told once."""
    told = False
    after: dict[Named, Named] = {}
    came: dict[Named, int] = {}
    for number, (old, new) in pairs.items():
        if old in after or new in came:
            twice = old if old in after else new
            message = f"`{_SECTION[twice.family]}.{twice.name}` is moved two ways"
            help = "an entry has one former name and one new one: keep one of the moves"
            report.error("LC0252", ("moved", number, "from" if old in after else "to"), message, help)
            told = True
            continue
        after[old], came[new] = new, number
    for number, (old, new) in pairs.items():
        at: Named | None = new
        seen: set[Named] = set()
        while at is not None and at not in seen and at != old:
            seen.add(at)
            at = after.get(at)
        if at == old and number == min(n for n, (a, _) in pairs.items() if a in seen | {old}):
            message = f"moves go in a circle from `{_SECTION[old.family]}.{old.name}` back to it"
            report.error("LC0252", ("moved", number, "to"), message, "take one of them out")
            told = True
    return told
