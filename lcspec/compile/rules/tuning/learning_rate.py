"""A learning rate far outside what the method takes: it diverges, or nothing is learned."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

# From the papers and the libraries' defaults, a decade wider on both sides.
USUAL = {
    "full": (1e-7, 1e-3),
    "lora": (1e-6, 1e-2),
    "qlora": (1e-6, 1e-2),
    "ia3": (1e-5, 1e-1),
    "prompt-tuning": (1e-4, 3.0),
    "dpo": (1e-8, 1e-3),
    "kto": (1e-8, 1e-3),
    "orpo": (1e-8, 1e-3),
    "grpo": (1e-8, 1e-3),
    "rloo": (1e-8, 1e-3),
    "pretrain": (1e-7, 1e-2),
}


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0505 for a rate outside the range of its method."""
    for entry in spec.entries("tuning").values():
        rate, usual = getattr(entry.body, "learning_rate", None), USUAL.get(entry.kind)
        if rate is None or usual is None or usual[0] <= rate <= usual[1]:
            continue
        what = "the loss will likely diverge" if rate > usual[1] else "next to nothing is learned"
        message = f"a learning rate of {rate:g} with `{entry.kind}`: {what}"
        path = (*entry.path, "learning-rate")
        report.warning("LC0505", path, message, f"`{entry.kind}` takes {usual[0]:g} to {usual[1]:g}")
