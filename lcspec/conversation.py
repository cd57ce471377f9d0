"""Conversations and judgements in a cell of a data file, as plain values.

A conversation is a list of messages with a role and a text: {role, content}, or {from, value} as in ShareGPT files.
It may open with a system message; then user and assistant take turns.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant", "chatgpt": "assistant"}
TRUE, FALSE = ("true", "1", "yes"), ("false", "0", "no")


class Conversation(NamedTuple):
    """`turns` are (user, assistant) pairs that are over; `asked` waits for an answer, "" when nothing does."""

    system: str | None
    turns: tuple[tuple[str, str], ...]
    asked: str


@dataclass(frozen=True, slots=True)
class Unreadable(Exception):
    """A cell that is not what its column's role asks for."""

    code: str
    message: str
    help: str


def read_conversation(cell: Any, role: str, content: str, roles: Mapping[str, str]) -> Conversation:
    """The conversation in a cell (a list, or its JSON text).

    Raises:
        Unreadable: LC0550 with what is wrong.
    """
    system, turns, asked = None, [], ""
    for place, (speaker, text) in enumerate(_messages(cell, role, content, roles), 1):
        if speaker == "system" and place == 1:
            system = text
        elif speaker == "user" and not asked:
            asked = text
        elif speaker == "assistant" and asked:
            turns.append((asked, text))
            asked = ""
        else:
            help = "after an optional system message, user and assistant take turns, and the user begins"
            raise Unreadable("LC0550", f"message {place} is of the {speaker}, out of turn", help)
    if not turns and not asked:
        raise Unreadable("LC0550", "the conversation has no message of a user", "give it at least one question")
    return Conversation(system, tuple(turns), asked)


def last_answer(cell: Any, role: str, content: str, roles: Mapping[str, str]) -> str:
    """An answer: a text, a message, or the last message of the assistant in a conversation.

    Raises:
        Unreadable: LC0550, for a list that is no conversation or ends otherwise.
    """
    if isinstance(cell, Mapping) and isinstance(cell.get(content), str):
        return str(cell[content])  # a message by itself
    if not isinstance(cell, Sequence) or isinstance(cell, str):
        return str(cell)
    spoken = _messages(cell, role, content, roles)
    if not spoken or spoken[-1][0] != "assistant":
        raise Unreadable("LC0550", "the messages do not end with the assistant", "the last message is the answer")
    return spoken[-1][1]


def read_judgement(cell: Any) -> bool:
    """Whether an answer was judged desirable: true or false, yes or no, 1 or 0.

    Raises:
        Unreadable: LC0551, for anything else.
    """
    said = str(cell).strip().lower()
    if said not in TRUE + FALSE:
        raise Unreadable("LC0551", f"`{cell}` is neither true nor false", "write true or false, 1 or 0, yes or no")
    return said in TRUE


def _messages(cell: Any, role: str, content: str, roles: Mapping[str, str]) -> list[tuple[str, str]]:
    """(speaker, text) pairs; speakers are system, user and assistant."""
    try:
        listed = json.loads(cell) if isinstance(cell, str) else cell
    except ValueError:
        listed = None
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise Unreadable("LC0550", "the cell is no list of messages", 'write [{"role": "user", "content": "…"}, …]')
    made = []
    for place, message in enumerate(listed, 1):
        if not isinstance(message, Mapping) or not {role, content} <= set(message):
            help = "name them: `message-keys: {role: from, content: value}`"
            raise Unreadable("LC0550", f"message {place} has no `{role}` and `{content}`", help)
        said = str(message[role])
        speaker = roles.get(said) or ROLES.get(said, said)
        if speaker not in ("system", "user", "assistant"):
            help = f"say who that is: `message-keys: {{roles: {{{said}: user}}}}`"
            raise Unreadable("LC0550", f"message {place} is of an unknown role `{said}`", help)
        if not isinstance(message[content], str) or not message[content].strip():
            raise Unreadable("LC0550", f"message {place} has no text", "leave empty messages out")
        made.append((speaker, message[content]))
    return made
