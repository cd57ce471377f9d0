"""A shown prompt as text for people and as JSON: schema `schemas/prompt/v1.json`."""

from collections.abc import Iterator
from typing import Any

from lcspec.promptview.view import Token, View

WIDTH = 100


def to_text(view: View) -> str:
    """The rendered text, then the tokens as `id text`: special ones in ⟨⟩, those that are learnt under a head."""
    found = view.gathered
    where = f"{found.data}.{found.split}"
    place = f"{where} row {found.row_number} of {found.rows} ({found.row.id})" if found.row else where
    lines = [f"prompt {view.prompt} · {place} · model {found.model}", *_shown(view)]
    if view.answer is not None:
        lines += [_heading("answer"), view.answer]
    if view.tokens is not None:
        before = [token for token in view.tokens if not token.loss]
        after = [token for token in view.tokens if token.loss]
        lines += ["", _heading(f"{len(before)} tokens before the answer: no loss"), *_wrapped(before)]
        head = _heading(f"{len(after)} tokens of the answer and its end: training learns these")
        lines += [head, *_wrapped(after)] if after else []
    lines += ["", *(f"note: {note}" for note in found.missing)] if found.missing else []
    return "\n".join(lines) + "\n"


def _shown(view: View) -> Iterator[str]:
    """The text as the model gets it; messages where no tokenizer says how; the template where there is no row."""
    prompt = view.gathered.prompt
    if view.text is not None:
        yield from ("", _heading("text"), view.text)
    elif view.messages is not None:
        yield ""
        for message in view.messages:
            yield from (_heading(message["role"]), message["content"])
    elif view.gathered.row is None:
        yield ""
        for role in ("system", "user"):
            if prompt.get(role):
                yield from (_heading(f"{role} (template)" if role == "user" else role), prompt[role])


def _heading(text: str) -> str:
    return f"── {text} " + "─" * max(3, 80 - len(text))


def _wrapped(tokens: list[Token]) -> Iterator[str]:
    line = ""
    for token in tokens:
        shown = repr(token.text)[1:-1].replace(" ", "·") or "∅"
        word = f"{token.id} ⟨{shown}⟩" if token.special else f"{token.id} {shown}"
        if line and len(line) + len(word) + 3 > WIDTH:
            yield line
            line = ""
        line = f"{line} | {word}" if line else word
    if line:
        yield line


def to_json(view: View) -> dict[str, Any]:
    """Everything that is shown."""
    found = view.gathered
    row = found.row
    return {
        "format_version": 1,
        "prompt": view.prompt,
        "data": found.data,
        "split": found.split,
        "model": found.model,
        "row": None if row is None else {"number": found.row_number, "id": row.id, "variables": dict(row.variables)},
        "answer": view.answer,
        "resolved": found.prompt,
        "messages": None if view.messages is None else list(view.messages),
        "text": view.text,
        "tokens": None if view.tokens is None else [token._asdict() for token in view.tokens],
        "notes": list(found.missing),
    }
