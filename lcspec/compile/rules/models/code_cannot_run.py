"""Own code of a model runs where transformers loads it: not in other engines, and not for a model made anew."""

from lcspec.compile.capabilities import remote_code
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.compile.ladders import generators
from lcspec.ir.spec import Spec
from lcspec.kinds import registry

WITH_CODE = ("folder", "huggingface")


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0355 for an entry of `allow`, a target or a tokenizer that wants code to run where it cannot."""
    models = spec.entries("model")
    for entry in spec.entries("allow").values():
        model = models.get(entry.body.model) if entry.kind == "remote-code" else None
        if model is not None and model.kind not in WITH_CODE:
            message = f"`{model.name}` is of kind `{model.kind}`, which runs no code that came with a model"
            report.error("LC0355", entry.path, message, f"remove the entry; kinds: {', '.join(WITH_CODE)}", key=True)
    for name in (one for one in generators(spec) if remote_code(spec, one)):
        for target in spec.entries("deploy").values():
            if registry.load("deploy", target.kind).engine != "runtime":
                message = f"`{name}` brings its own code, and `{target.kind}` cannot run it"
                help = "serve it with `kind: openai-server`, or take a model that the transformers library has"
                report.error("LC0355", target.path, message, help, key=True)
    for model in models.values():
        origin = getattr(getattr(model.body, "tokenizer", None), "from_", None)
        if isinstance(origin, str) and origin in models and remote_code(spec, origin):
            message = f"`{model.name}` takes the tokenizer of `{origin}`, which brings its own code"
            help = "take the tokenizer of a model without code, or learn one from the documents"
            report.error("LC0355", (*model.path, "tokenizer", "from"), message, help)
