"""A prompt with a row in it: rendered text, token ids, what is special, and where the loss looks."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lcspec.promptview.gather import Gathered, Gathering, Wanted

PASSAGES = "‹passages that retrieval finds›"


class Token(NamedTuple):
    """One token; `loss` is whether training learns to say it."""

    id: int
    text: str
    special: bool
    loss: bool


@dataclass(frozen=True)
class View:
    """What is shown; `text` and `tokens` are None without a tokenizer, `messages` without a chat prompt."""

    prompt: str
    gathered: Gathered
    answer: str | None
    messages: tuple[dict[str, str], ...] | None
    text: str | None
    tokens: tuple[Token, ...] | None


def view(gathering: Gathering, wanted: Wanted) -> View:
    """The prompt with its row.

    Raises:
        LcspecError: a name or a row that is not there.
    """
    found = gathering.gather(wanted)
    if found.row is None:
        return View(wanted.prompt, found, None, None, None, None)
    from lcspec.runtime.prompt import Prompt, Shot, conversation, render
    from lcspec.runtime.template import TemplateFault, variables

    prompt = Prompt.from_json(found.prompt)
    row = dict(found.row.variables)
    if "context" in variables(prompt.user) and "context" not in row:
        row["context"] = PASSAGES
        found.missing.append("`context` is filled by retrieval when a row is asked; a placeholder stands for it here")
    history = [Shot({**row, found.column: asked}, said) for asked, said in found.row.history]
    answer = found.row.target or (found.row.accepted[0] if found.row.accepted else None)
    with gathering.tokenizer(found.model, found.missing) as tokenizer:
        try:
            if tokenizer is not None:
                whole = conversation(tokenizer, prompt, history, found.row.system)
            else:
                system = prompt.system if found.row.system is None else found.row.system
                whole = replace(prompt, system=system, shots=(*prompt.shots, *history))
            rendered = render(whole, row)
            tokens = None if tokenizer is None else _tokens(tokenizer, whole, row, answer)
        except (TemplateFault, ValueError) as fault:
            found.missing.append(f"it cannot be rendered: {fault}")
            return View(wanted.prompt, found, answer, None, None, None)
        text = None
        if tokenizer is not None and tokens is not None:
            text = tokenizer.decode([token.id for token in tokens if not token.loss])
            _doubts(tokenizer, prompt, tokens, found)
        elif isinstance(rendered, str):
            text = rendered
    messages = None if isinstance(rendered, str) else tuple(rendered)
    return View(wanted.prompt, found, answer, messages, text, tokens)


def _tokens(tokenizer: Any, prompt: Any, row: dict[str, str], answer: str | None) -> tuple[Token, ...]:
    from lcspec.runtime.prompt import encode_example, encode_prompt

    if answer is None:
        ids = encode_prompt(tokenizer, prompt, row)
        mask = [0] * len(ids)
    else:
        ids, mask = encode_example(tokenizer, prompt, row, answer)
    special = set(tokenizer.all_special_ids)
    special |= {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    return tuple(Token(id, tokenizer.decode([id]), id in special, bool(m)) for id, m in zip(ids, mask, strict=True))


def _doubts(tokenizer: Any, prompt: Any, tokens: tuple[Token, ...], found: Gathered) -> None:
    """What often makes a model go wrong, seen in these tokens."""
    from lcspec.runtime.prompt import end_of_turn

    limit = getattr(tokenizer, "model_max_length", None)
    if isinstance(limit, int) and limit < 10**9 and len(tokens) > limit:
        found.missing.append(f"{len(tokens)} tokens are more than the {limit} that the tokenizer's model reads")
    end = end_of_turn(tokenizer, prompt)
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id == end:
        found.missing.append(f"the padding token is also what ends an answer ({tokenizer.decode([end])!r})")
    first = next((token for token in tokens if token.special), None)
    twice = [token.id for token in tokens[:2]]
    if first is not None and tokenizer.bos_token_id is not None and twice == [tokenizer.bos_token_id] * 2:
        found.missing.append(f"the text begins with {first.text!r} twice")
