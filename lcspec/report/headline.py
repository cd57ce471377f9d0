"""What came of it: the first thing that a report says."""

from lcspec.ir.verdict import FAIL, INCONCLUSIVE, NOT_APPLICABLE, PASS, Verdict
from lcspec.report.model import (
    OPEN,
    READY,
    REFUSED,
    RELEASED,
    Contract,
    Headline,
    Judged,
    ReportInput,
    RungView,
    Tile,
    Variant,
)


def headline(
    source: ReportInput,
    rungs: tuple[RungView, ...],
    variants: tuple[Variant, ...],
    tests: tuple[Judged, ...],
    contract: Contract | None,
) -> Headline:
    """Released or not, why, and the numbers that matter most."""
    last = tests[-1] if tests else None
    verdicts = (*(last.verdicts if last else ()), *(contract.verdicts if contract else ()))
    tiles = _tiles(source.graph.select_by[1], last, variants, contract)
    if source.release is not None:
        name = last.name if last else str(source.release.get("candidate", ""))
        return Headline(RELEASED, f"{name} passed its gates on test and was released.", verdicts, tiles)
    finalist = source.decisions.get("finalist")
    if last is not None:
        state, sentence = _on_test(last.name, verdicts)
        return Headline(state, sentence, verdicts, tiles)
    if finalist is not None and finalist.winner is None:
        sentence = f"{finalist.why[:1].upper()}{finalist.why[1:]}."
        return Headline(REFUSED, sentence, finalist.verdicts, tiles)
    reached = max((rung.number for rung in rungs if rung.state not in ("not measured", "not needed")), default=0)
    done = f"rung {reached} of {len(rungs)} is measured" if reached else "nothing is measured yet"
    return Headline(OPEN, f"Not decided: {done}, and no finalist was judged on test.", (), tiles)


def _on_test(name: str, verdicts: tuple[Verdict, ...]) -> tuple[str, str]:
    outcomes = {verdict.outcome for verdict in verdicts}
    if FAIL in outcomes:
        return REFUSED, f"{name} failed a gate on test; test judges once, so the ladder does not go on."
    if INCONCLUSIVE in outcomes:
        return REFUSED, f"The evidence for {name} on test decides not every gate."
    if outcomes <= {PASS, NOT_APPLICABLE}:
        return READY, f"{name} passed its gates on test; no release was made."
    return OPEN, f"{name} is not judged yet."


def _tiles(
    metric: str, last: Judged | None, variants: tuple[Variant, ...], contract: Contract | None
) -> tuple[Tile, ...]:
    tiles = []
    if last is not None and last.measure.value is not None:
        tiles.append(Tile(f"{metric} on test", last.measure.value, "share", f"{last.measure.n} rows"))
    chosen = next((variant for variant in variants if variant.judged.won and variant.bytes), None)
    if chosen is not None and chosen.bytes:
        origin = next((v.bytes for v in variants if v.judged.id == "finalist" and v is not chosen), None)
        tiles.append(Tile("model on disk", chosen.bytes, "bytes", "" if not origin else str(origin)))
    if contract is not None:
        if contract.latency_p95 is not None:
            tiles.append(Tile("latency, 95th percentile", contract.latency_p95, "seconds", ""))
        tiles.append(Tile("served answers as evaluated", contract.equal, "of", str(contract.asked)))
    return tuple(tiles)
