"""What TRL is told of a model with own code: the same numbers as from its own head, of the model's own logits."""

import types
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.ml
FIELDS = ("loss", "log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1", "label_mask")
ALL = ("log_probs", "entropy", "log_sum_sq_probs", "mean_logits", "is_top1")


@pytest.fixture
def model() -> Iterator[Any]:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.random.fork_rng():
        torch.manual_seed(1)
        sizes = {"vocab_size": 37, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
        config = LlamaConfig(**sizes, num_attention_heads=2, initializer_range=0.3)
        # As the class of a model's own code is called.
        kind = types.new_class(
            "Own", (LlamaForCausalLM,), exec_body=lambda space: space.update(__module__="transformers_modules.x")
        )
        yield kind(config).eval()


def told(model: Any, **more: Any) -> Any:
    import torch

    ids = torch.tensor([[3, 9, 27, 5, 1], [8, 2, 30, 30, 4]])
    labels = torch.tensor([[-100, -100, 27, 5, 1], [-100, 2, -100, 30, -100]])
    return model(input_ids=ids, labels=labels, fused_lm_head=True, **more)


@pytest.mark.parametrize("more", [{}, {"num_items_in_batch": 7}])
def test_every_number_is_that_of_trl_where_the_head_is_a_plain_one(model: Any, more: dict[str, Any]) -> None:
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from lcspec.ownhead import use_own_logits

    add_fused_lm_head(model, temperature=0.7, outputs=ALL)
    theirs = told(model, **more)
    use_own_logits(model, 0.7)
    ours = told(model, **more)
    for field in FIELDS:
        a, b = getattr(theirs, field), getattr(ours, field)
        assert a.dtype == b.dtype, field
        torch.testing.assert_close(b, a, rtol=1e-4, atol=1e-5, msg=lambda text, field=field: f"{field}: {text}")


def test_what_the_model_does_to_its_logits_counts(model: Any) -> None:
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from lcspec.ownhead import use_own_logits

    plain = model.forward

    def bent(*args: Any, **more: Any) -> Any:
        made = plain(*args, **more)
        made.logits = -made.logits
        return made

    model.forward = bent
    add_fused_lm_head(model, outputs=ALL)
    before = told(model)
    use_own_logits(model)
    after = told(model)
    assert not torch.allclose(before.loss, after.loss)
    after.loss.backward()
    assert model.lm_head.weight.grad.abs().sum() > 0


def test_the_librarys_own_classes_are_left_to_trl(model: Any) -> None:
    from transformers import LlamaForCausalLM

    from lcspec.ownhead import use_own_logits

    plain = LlamaForCausalLM(model.config)
    before = plain.forward
    use_own_logits(plain)
    assert plain.forward == before
    use_own_logits(None)
