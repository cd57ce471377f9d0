"""How probable a row's own answer is to a model: the token ids of a row, and their negative log-likelihood."""

from typing import Any

from lcspec.rowset import Row
from lcspec.runtime import prompt as prompts


def encode_rows(tokenizer: Any, prompt: Any, row: Row, input: str) -> tuple[Any, Any]:
    """The ids with mask of what is judged, and of the worse answer of a pair (None without one).

    Judged is the better answer of a pair, a wanted completion, else the right answer, after the turns before it; a row
    without any is judged by its text as a whole, from its second token on. (None, None) for an unwanted completion.

    Args:
        tokenizer: the model's own.
        prompt: how the row is put, a `runtime.prompt.Prompt`.
        row: the row.
        input: the variable that holds the user's message.
    """
    variables = dict(row.variables)
    turns = [prompts.Shot({**variables, input: user}, assistant) for user, assistant in row.history]
    whole = prompts.conversation(tokenizer, prompt, turns, row.system)
    if row.desirable is False:
        return None, None
    answer = row.chosen or row.completion or row.target or (row.accepted[0] if row.accepted else None)
    if answer is None:
        ids = prompts.encode_prompt(tokenizer, whole, variables)
        return prompts.EncodedExample(ids, [0, *[1] * (len(ids) - 1)]), None
    worse = prompts.encode_example(tokenizer, whole, variables, row.rejected) if row.rejected else None
    return prompts.encode_example(tokenizer, whole, variables, answer), worse


def negative_log_likelihood(model: Any, example: Any) -> tuple[float, int]:
    """The sum over the masked tokens, in natural logarithms, and how many there are."""
    import torch

    ids = torch.tensor([example.input_ids], dtype=torch.long, device=model.device)
    places = [at for at, counts in enumerate(example.completion_mask) if counts and at > 0]
    with torch.inference_mode():
        logits = model(input_ids=ids, use_cache=False).logits[0]
        picked = logits[torch.tensor([at - 1 for at in places], device=logits.device)].float()
        tokens = ids[0, torch.tensor(places, device=ids.device)]
        logs = picked.log_softmax(-1).gather(-1, tokens[:, None])
    return -float(logs.double().sum()), len(places)
