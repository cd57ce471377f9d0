"""In plain text the answer follows the prompt without a seam: one space, and in one place only."""

from lcspec.compile.asking import prompt_fields, scoring_of
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0432 for `Topic:oil`; LC0433 for a template that ends in a space."""
    scored = any(scoring_of(spec, suite) == "likelihood" for suite in spec.entries("suite").values())
    for name in spec.entries("prompt"):
        fields = prompt_fields(spec, name)
        text, prefix = fields.get("user") or "", fields.get("answer_prefix") or ""
        if fields.get("format", "chat") != "text" or not text or "user" not in fields.paths:
            continue
        path = fields.paths["user"]
        if text.endswith(" "):
            message = "the template ends in a space: tokenizers join a space with the word after it, so none fits"
            report.warning("LC0433", path, message, 'end it without, and give `answer-prefix: " "`')
        elif not text[-1].isspace() and not prefix[:1].isspace() and (scored or fields.get("shots")):
            message = f"the answer is glued to the prompt: `{(text + prefix).splitlines()[-1][-12:]}billing`"
            shown = message.replace("billing", spec.scope.labels[0] if spec.scope.labels else "answer")
            report.warning("LC0432", path, shown, 'give the prompt `answer-prefix: " "`')
