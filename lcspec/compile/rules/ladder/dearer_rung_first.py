"""The ladder climbs from the cheapest technique: what costs no training is tried before what does."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec
from lcspec.units import format_count


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0206 for tuning below an untuned rung with prompts or models of its own, and for large models before small."""
    tunes = next((index for index, rung in enumerate(spec.ladder) if rung.tuning), None)
    if tunes is not None:
        for index, rung in enumerate(spec.ladder[tunes + 1 :], tunes + 1):
            before = {name for lower in spec.ladder[:tunes] for name in (*lower.prompts, *lower.models)}
            fresh = [name for name in (*rung.prompts, *rung.models) if name not in before]
            if not rung.tuning and fresh:
                message = f"`{fresh[0]}` costs no training, and is first tried after a rung that trains"
                also = ((("ladder", tunes, "tuning"), "trains here"),)
                report.warning(
                    "LC0206", ("ladder", index), message, "put the rung below the one that trains", also=also
                )
    sizes = [_smallest(rung.models, known) for rung in spec.ladder]
    for index, size in enumerate(sizes):
        larger = next((low for low in range(index) if (sizes[low] or 0) > (size or 0) > 0), None)
        if larger is not None:
            small, large = format_count(size or 0), format_count(sizes[larger] or 0)
            message = f"a model of {small} parameters is tried after one of {large}"
            also = ((("ladder", larger, "models"), "the larger one"),)
            report.warning("LC0206", ("ladder", index, "models"), message, "try the smaller model first", also=also)


def _smallest(models: tuple[str, ...], known: Known) -> int | None:
    sizes = [known.models.get(name, {}).get("parameters") for name in models]
    return min((size for size in sizes if size), default=None)
