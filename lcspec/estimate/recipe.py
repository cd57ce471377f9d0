"""The memory of a tuning recipe: what its fields mean for the arithmetic."""

from collections.abc import Mapping
from typing import Any

from lcspec.estimate import adapters, memory


def training_memory(
    kind: str, body: Any, config: Mapping[str, Any], parameters: int, device: str, **changed: Any
) -> memory.Memory | None:
    """The peak of a recipe; None for a method or a family that is not known here."""
    method = changed.pop("method", kind)
    adapter = getattr(body, "adapter", None)
    trainable: float | None = parameters
    kept: float | None = None
    if method in ("lora", "qlora") or adapter in ("lora", "qlora"):
        modules = getattr(body, "target_modules", ()) or getattr(body, "modules", "all-linear")
        rank = getattr(body, "rank", 8)
        trainable, kept = adapters.lora(config, rank=rank, modules=modules), adapters.lora_kept(config, rank, modules)
    elif method == "ia3":
        trainable, kept = adapters.ia3(config), adapters.ia3_kept(config)
    elif method not in ("full", "pretrain") and adapter != "none":
        return None
    if trainable is None or not config:
        return None
    quantised = method == "qlora" or adapter == "qlora"
    bits = (8 if getattr(body, "base", "nf4") == "int8" else 4) if quantised else 32
    rewarded = hasattr(body, "generations")
    held = kind in ("dpo", "kto") or (rewarded and body.beta > 0)  # to the model that it started from
    learning = memory.training(
        config,
        parameters,
        trainable=trainable,
        batch=changed.get("batch", body.batch_size),
        tokens=changed.get("tokens", body.max_length),
        bits=bits,
        mixed=getattr(body, "precision", "float32") == "bfloat16",
        optimizer=getattr(body, "optimizer", "adamw"),
        checkpointing=changed.get("checkpointing", getattr(body, "gradient_checkpointing", False)),
        sequences=2 if kind in ("dpo", "orpo") else 1,
        kept=kept,
        device=device,
        reference=held and adapter == "none",
        tiled=rewarded,
    )
    if not rewarded:
        return learning
    together = changed.get("batch", body.batch_size) * body.accumulate
    tokens = max(changed.get("tokens", body.max_length), min(body.max_tokens, body.max_length))
    sampling = memory.sampling(config, learning, tokens=tokens, sequences=together, device=device)
    return max(learning, sampling, key=lambda stage: stage.total)
