"""Adapters on modules that this architecture does not have."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.ir.spec import Spec

FUSED = {"gpt2": "c_attn", "gpt_neox": "query_key_value", "falcon": "query_key_value", "bloom": "query_key_value"}
FUSED |= {"phi3": "qkv_proj", "mpt": "Wqkv"}
ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0510 for `q_proj` and its like on an architecture with fused attention."""
    for entry in spec.entries("tuning").values():
        modules = getattr(entry.body, "modules", None)
        named = set(modules) if isinstance(modules, tuple) else ATTENTION if modules == "attention" else set()
        for model in generators(spec):
            architecture = known.models.get(model, {}).get("architecture")
            if architecture in FUSED and named and named <= ATTENTION:
                missing = sorted(named)[0]
                message = (
                    f"`{model}` has no `{missing}`: {architecture} has one `{FUSED[architecture]}` for all of them"
                )
                help = f"say `modules: all-linear`, or name `{FUSED[architecture]}`"
                also = ((spec.find("model", model).path, f"a {architecture} model"),)
                report.error("LC0510", (*entry.path, "modules"), message, help, also=also)
                break
