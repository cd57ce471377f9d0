"""The architecture must be able to do the work: text is written by decoders, vectors are made by encoders."""

from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.estimate.architecture import family
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0304 for a model that answers and is no decoder; LC0305 for an embedder that is one."""
    also = ((("scope", "task"), "what it must do"),)
    for name, entry in spec.entries("model").items():
        architecture = known.models.get(name, {}).get("architecture")
        kind, role = family(architecture), getattr(entry.body, "role", None)
        if role == "generator" and kind in ("encoder", "encoder-decoder"):
            message = f"`{name}` is {_a(kind)} ({architecture}): it cannot answer here"
            help = "choose a decoder (Llama, Qwen, Mistral, Gemma, GPT-2, …), which scores labels and writes text"
            report.error("LC0304", entry.path, message, help, key=True, also=also)
        elif role == "embedder" and kind == "decoder":
            message = f"`{name}` is a decoder ({architecture}): the mean of its states is a poor vector of a text"
            help = "choose an encoder that was trained for similarity, such as MiniLM or E5"
            report.warning("LC0305", entry.path, message, help, key=True)


def _a(kind: str) -> str:
    return f"an {kind}"
