"""Memory and time are sums of parts that can be checked by hand."""

import pytest

from lcspec.estimate import memory, time

SMOL = {
    "model_type": "llama",
    "hidden_size": 576,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "intermediate_size": 1536,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}
PARAMETERS, LORA = 134_515_008, 2_442_240
MIB = 1 << 20
# Peaks of worker processes as apply recorded them (CPU, float32, 244 tokens a row; 52 in the small ones).
MEASURED = {
    "full, 4 rows": (PARAMETERS, 4, 244, False, 4915),
    "full, 2 short rows": (PARAMETERS, 2, 52, False, 2936),
    "lora, 4 rows": (LORA, 4, 244, False, 4250),
    "lora, 2 short rows": (LORA, 2, 52, False, 1353),
    "lora, checkpointing": (LORA, 4, 244, True, 2868),
    "ia3, 4 rows": (57_600, 4, 244, False, 3499),
}


@pytest.mark.parametrize("name", MEASURED)
def test_training_is_within_15_percent_of_what_was_measured(name: str) -> None:
    trainable, batch, tokens, checkpointing, measured = MEASURED[name]
    made = memory.training(
        SMOL, PARAMETERS, trainable=trainable, batch=batch, tokens=tokens, checkpointing=checkpointing
    )
    assert made.total / MIB == pytest.approx(measured, rel=0.15)


def test_answering_is_within_15_percent_of_what_was_measured() -> None:
    assert memory.inference(SMOL, PARAMETERS, tokens=251).total / MIB == pytest.approx(979, rel=0.15)


def test_full_training_without_rows_is_weights_gradients_states_and_a_copy() -> None:
    made = memory.training(SMOL, PARAMETERS, trainable=PARAMETERS, batch=1, tokens=1)
    assert made.total - made.overhead == PARAMETERS * 4 * 5


def test_a_cache_is_two_vectors_of_each_layer_and_token() -> None:
    assert memory.cache_bytes(SMOL, tokens=10, sequences=3) == 2 * 30 * 3 * 64 * 10 * 3 * 4


def test_a_quantised_base_takes_fewer_bytes() -> None:
    sizes = [memory.weight_bytes(1e9, bits) for bits in (32, 16, 8, 4)]
    assert sizes == [4e9, 2e9, 1.0625e9, 0.5625e9]


def test_training_takes_six_operations_and_frozen_weights_four() -> None:
    assert time.training_flops(1e6, 1e3) == 6e9
    assert time.training_flops(1e6, 1e3, trainable=1e4) == 4e9
    assert time.training_flops(1e6, 1e3, checkpointing=True) == 8e9


def test_writing_is_bound_by_reading_the_weights() -> None:
    device = time.DEVICES["cpu"]
    assert time.answering_seconds(PARAMETERS, 0, 10, device) == pytest.approx(10 * PARAMETERS * 4 / device.bandwidth)
    assert time.optimal_tokens(5e6) == 1e8
