"""How probable a row's own answer is to a model: the token ids of a row, and their negative log-likelihood."""

from typing import Any

from lcspec.rowset import Row
from lcspec.runtime import prompt as prompts


def encode_rows(tokenizer: Any, prompt: Any, row: Row) -> tuple[Any, Any]:
    """The ids with mask of what is judged, and of the worse answer of a pair (None without one).

    A row without an answer is judged by its text as a whole, from its second token on.
    """
    variables = dict(row.variables)
    answer = row.target or (row.accepted[0] if row.accepted else None)
    if answer is None:
        ids = prompts.encode_prompt(tokenizer, prompt, variables)
        return prompts.EncodedExample(ids, [0, *[1] * (len(ids) - 1)]), None
    return prompts.encode_example(tokenizer, prompt, variables, answer), None


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
