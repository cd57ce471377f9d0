"""`import` as a function: a training file's text to a spec's text and a report."""

from pathlib import Path
from typing import Any, NamedTuple

from lcspec.diag.model import Diagnostic, Label, LcspecError
from lcspec.importing import axolotl, llama_factory
from lcspec.importing.build import build
from lcspec.importing.model import Item, Unsupported
from lcspec.importing.place import Place
from lcspec.importing.write import write
from lcspec.ir.source import SourceFile, Span

TOOLS = {"axolotl": axolotl, "llama-factory": llama_factory}


class Imported(NamedTuple):
    """The outcome: the spec's text and name, the tool that the file is of, and what became of each key."""

    text: str
    name: str
    tool: str
    items: list[Item]


def convert(source: SourceFile, place: Place, tool: str | None = None) -> Imported:
    """The spec for a training file of `tool` (guessed when None).

    Raises:
        LcspecError: LC0140 no training file, LC0141 not YAML, LC0142 something that lcspec has no word for.
    """
    data = _parse(source)
    chosen = tool or next((name for name, module in TOOLS.items() if module.recognises(data)), None)
    if chosen is None:
        help = "name the tool: `--from axolotl` or `--from llama-factory`; configs of accelerate, deepspeed are none"
        raise LcspecError(
            [_diagnostic(source, "LC0140", f"`{source.path}` is no training file that lcspec knows", help)]
        )
    try:
        training, items = TOOLS[chosen].read(data, place)
        name = f"{training.model_name}-{training.kind}"
        document, items = build(training, items, name, Path(source.path).name)
    except Unsupported as fault:
        help = _HELP.get(fault.group, _HELP["method"])
        message = f"`{fault.key}`: {fault.why}"
        raise LcspecError([_diagnostic(source, "LC0142", message, help, fault.key)]) from fault
    return Imported(write(document), document.data["name"], chosen, items)


_HELP = {
    "method": "`lcspec schema` lists the kinds of tuning; write that part by hand, or leave the key out",
    "rewards": "write the recipe by hand: `lcspec explain tuning.grpo`; your reward takes a row and returns a number",
    "data": "say where the rows lie and what they look like under `data` of a spec of your own",
    "multimodal": "lcspec tunes models of text",
    "file": "give `lcspec import` the file that the tool trains with",
}


def _parse(source: SourceFile) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.load(source.text, Loader=_loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        start = mark.index if mark else 0
        label = Label(Span(source.path, start, min(start + 1, len(source.text))), getattr(error, "problem", "") or "")
        message = "the training file is not YAML"
        raise LcspecError(
            [Diagnostic("LC0141", message, (label,), help="correct it; the tool would not read it")]
        ) from None
    except RecursionError:
        raise LcspecError([Diagnostic("LC0141", "the training file is nested too deep", help="correct it")]) from None
    if not isinstance(data, dict):
        help = "a training file is a mapping of keys"
        raise LcspecError([_diagnostic(source, "LC0140", f"`{source.path}` is no training file", help)])
    return {str(key): value for key, value in data.items()}


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _diagnostic(source: SourceFile, code: str, message: str, help: str, key: str = "") -> Diagnostic:
    """A diagnostic at the line of the top-level key, where there is one."""
    top = key.replace("[", ".").partition(".")[0]
    for number, line in enumerate(source.text.splitlines(), 1):
        if top and line.startswith(f"{top}:"):
            start = source.starts[number - 1]
            return Diagnostic(code, message, (Label(Span(source.path, start, start + len(top)), ""),), help=help)
    return Diagnostic(code, message, help=help)
