"""Too few rows to learn from, or fewer than the spec asks for."""

from lcspec.compile.asking import plural, prompt_fields, split_of, tuned_on
from lcspec.compile.check import Reporter
from lcspec.compile.known import Known
from lcspec.ir.spec import Spec

FEW, PER_LABEL = 32, 8


def check(spec: Spec, known: Known, report: Reporter) -> None:
    """LC0414 for little to learn from; LC0507 for a recipe, LC0440 for shots that ask for more rows than there are."""
    for entry in spec.entries("tuning").values():
        data, split = tuned_on(entry) or ("", "")
        splits = known.rows(data)
        if splits is None:
            continue
        there, asked = len(splits.get(split, ())), getattr(entry.body, "rows", None)
        also = ((spec.find("data", data).path, plural(there, "row") + f" of {split}"),)
        least = max(FEW, PER_LABEL * len(spec.scope.labels))
        if there < least:
            message = f"`{entry.name}` learns from {plural(there, 'row')}: too few to tune on"
            note = (
                f"{PER_LABEL} rows for each of {len(spec.scope.labels)} labels, and {FEW} at least"
                if least > FEW
                else ""
            )
            help = f"gather {least} rows or more, or show the rows as `shots` of a prompt"
            report.warning("LC0414", (*entry.path, "data"), message, help, also=also, notes=(note,) if note else ())
        elif asked and asked > there:
            message = f"{asked} rows are asked for, {there} are there"
            report.warning("LC0507", (*entry.path, "rows"), message, f"say `rows: {there}`, or leave it out", also=also)
    for name in spec.entries("prompt"):
        shots, path = prompt_fields(spec, name).get("shots"), ("prompts", name, "shots", "count")
        if shots is None or "shots" not in spec.find("prompt", name).body.model_fields_set:
            continue
        data, split = split_of(shots.from_)
        splits = known.rows(data)
        if splits is not None and len(splits.get(split, ())) < shots.count:
            has = plural(len(splits.get(split, ())), "row")
            message = f"{shots.count} shots are asked for, {split} has {has}"
            report.warning("LC0440", path, message, "ask for fewer, or give train more rows")
