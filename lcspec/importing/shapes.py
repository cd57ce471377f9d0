"""The usual shapes of training rows, and how each is put to a model.

The text of the instruction prompt is the one that Stanford Alpaca introduced (Taori et al. 2023): models trained on
that format expect it word for word.
"""

from collections.abc import Mapping
from typing import Any

from lcspec.importing.model import Shape

MESSAGE = "message"  # the variable with the last user message of a conversation
_WITH = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n\n"
)
_WITHOUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
)
SHAREGPT = {"role": "from", "content": "value"}  # lcspec knows its speakers: human, gpt


def instruction(prompt: str = "instruction", query: str | None = "input", answer: str = "output") -> Shape:
    """Instruction, optional input, answer; put as Alpaca's text."""
    user = f"{_WITHOUT}### Instruction:\n{{{{ {prompt} }}}}\n\n### Response:\n"
    if query:
        full = f"{_WITH}### Instruction:\n{{{{ {prompt} }}}}\n\n### Input:\n{{{{ {query} }}}}\n\n### Response:\n"
        user = f"{{% if {query} is defined and {query} %}}{full}{{% else %}}{user}{{% endif %}}"
    return Shape({"input": prompt, "target": answer}, user, "text", task="generation")


def spoken(prompt: str, query: str | None, answer: str, before: str, after: str) -> Shape:
    """Instruction, optional input, answer; put as a dialogue with the marks `before` and `after`."""
    middle = _joined(prompt, query)
    return Shape({"input": prompt, "target": answer}, f"{before}{middle}{after}", "text", task="generation")


def asked(prompt: str, query: str | None, answer: str) -> Shape:
    """Instruction, optional input, answer; put as one message through the chat template."""
    return Shape({"input": prompt, "target": answer}, _joined(prompt, query), task="chat")


def _joined(prompt: str, query: str | None) -> str:
    more = f"{{% if {query} is defined and {query} %}}\n{{{{ {query} }}}}{{% endif %}}" if query else ""
    return f"{{{{ {prompt} }}}}{more}"


def conversation(column: str, keys: Mapping[str, Any] | None = None) -> Shape:
    """A list of messages; `keys` (`role`, `content`, `roles`) where they are not the usual ones."""
    columns: dict[str, Any] = {"input": MESSAGE, "messages": column}
    if keys:
        columns["message-keys"] = dict(keys)
    return Shape(columns, f"{{{{ {MESSAGE} }}}}")


def preference(
    prompt: str, chosen: str, rejected: str, *, messages: bool = False, keys: Mapping[str, Any] | None = None
) -> Shape:
    """A prompt (a text, or a list of messages) with a better and a worse answer."""
    columns: dict[str, Any] = {"input": MESSAGE, "messages": prompt} if messages else {"input": prompt}
    columns |= {"chosen": chosen, "rejected": rejected}
    if keys:
        columns["message-keys"] = dict(keys)
    return Shape(columns, f"{{{{ {columns['input']} }}}}")


def judged_talk(column: str, desirable: str, keys: Mapping[str, Any] | None = None) -> Shape:
    """A list of messages whose last answer was wanted, or not."""
    made = conversation(column, keys)
    return Shape({**made.columns, "completion": column, "desirable": desirable}, made.user)


def feedback(prompt: str, completion: str, desirable: str) -> Shape:
    """A prompt, an answer, and whether that was wanted."""
    return Shape({"input": prompt, "completion": completion, "desirable": desirable}, f"{{{{ {prompt} }}}}")


def plain_text(column: str) -> Shape:
    """Text to continue."""
    return Shape({"input": column}, f"{{{{ {column} }}}}", "text", task="generation", text=column)
