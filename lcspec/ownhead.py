"""The loss of a model with code of its own, from the logits of that code.

TRL's trainers score answers through `base_model` and `lm_head.weight`, as the library's architectures do. What a
model's own code does to hidden states or logits on that way would be left out while it learns, and be there when it
answers.
"""

import functools
import types
from typing import Any


def use_own_logits(model: Any, temperature: float = 1.0) -> None:
    """Lets `model(…, fused_lm_head=True)`, as TRL asks, tell log-probabilities of the model's own logits.

    `model` is a causal language model after TRL's trainer has taken it over, or PEFT's wrapper of one; None and models
    of the library's own classes are left alone. The whole logits are held in memory, which TRL spares.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if not type(base).__module__.startswith("transformers_modules."):
        return
    patched = base.forward

    @functools.wraps(type(base).forward)
    def forward(self: Any, *args: Any, fused_lm_head: bool = False, **more: Any) -> Any:
        if not fused_lm_head:
            return patched(*args, **more)
        labels, shifted = more.pop("labels", None), more.pop("shift_labels", None)
        items = more.pop("num_items_in_batch", None)
        logits = patched(*args, **{**more, "use_cache": False}).logits
        if shifted is None:
            logits, shifted = logits[:, :-1], labels[:, 1:]
        return _told(logits.float() / temperature, shifted.to(logits.device), items)

    base.forward = types.MethodType(forward, base)


def _told(logits: Any, labels: Any, items: Any) -> Any:
    """TRL's output of a step; every number is zero where there is no label."""
    import torch
    from trl.trainer.utils import FusedCausalLMOutput

    mask = labels != -100
    every = torch.log_softmax(logits, dim=-1)
    chosen = every.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1).masked_fill(~mask, 0)
    with torch.no_grad():
        squares = (2 * every).logsumexp(-1).masked_fill(~mask, 0)
        means = logits.mean(-1).masked_fill(~mask, 0)
        first = (logits.argmax(-1) == labels) & mask
    return FusedCausalLMOutput(
        loss=-chosen.sum() / (mask.sum().clamp(min=1) if items is None else items),
        log_probs=chosen,
        entropy=-(every.exp() * every).sum(-1).masked_fill(~mask, 0),
        log_sum_sq_probs=squares,
        mean_logits=means,
        is_top1=first,
        label_mask=mask,
    )
