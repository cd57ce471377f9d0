"""PEFT configurations from the fields of a recipe."""

from typing import Any

from lcspec.diag.suggest import did_you_mean
from lcspec.kinds.api import StepIO

ATTENTION = frozenset(
    {"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "query_key_value", "c_attn", "Wqkv", "out_proj"}
)


def lora_config(io: StepIO, model: Any) -> Any:
    """`LoraConfig` of a body with adapter fields; ends the step when its layers are not in the model."""
    from peft import LoraConfig

    params = io.params
    variant = params["variant"]
    return LoraConfig(
        r=params["rank"],
        lora_alpha=params["alpha"],
        lora_dropout=params["dropout"],
        target_modules=target_modules(io, model),
        layers_to_transform=list(params["layers"]) or None,
        modules_to_save=_present(io, model, "also-train") or None,
        use_rslora=variant == "rslora",
        use_dora=variant == "dora",
        init_lora_weights=variant if variant in ("pissa", "olora") else True,
        task_type="CAUSAL_LM",
    )


def adapter_of(io: StepIO, model: Any) -> Any:
    """The configuration of the adapters that `adapter` asks for; None when all weights learn."""
    return None if io.params["adapter"] == "none" else lora_config(io, model)


def ia3_config(io: StepIO, model: Any) -> Any:
    """`IA3Config` of a body; ends the step when the architecture is not known and no layers are named."""
    from peft import IA3Config
    from peft.utils import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as KNOWN

    targets = _present(io, model, "target-modules")
    if not targets and model.config.model_type not in KNOWN:
        help = "name them: `target-modules: […]`; the model has " + ", ".join(sorted(_names(model))[:20])
        io.fail("the layers that IA3 scales are not known for this architecture", help=help, code="LC1233")
    inner = _present(io, model, "feedforward-modules")
    return IA3Config(
        target_modules=targets or None, feedforward_modules=(inner if targets else None), task_type="CAUSAL_LM"
    )


def target_modules(io: StepIO, model: Any) -> Any:
    """The layers that get adapters: `all-linear`, or names that the model has."""
    named = _present(io, model, "target-modules")
    if named:
        return named
    if io.params["modules"] == "all-linear":
        return "all-linear"
    found = sorted(_names(model) & ATTENTION)
    if not found:
        help = "name them: `target-modules: […]`; the model has " + ", ".join(sorted(_names(model))[:20])
        io.fail("the attention layers of this architecture are not known by name", help=help, code="LC1233")
    return found


def _present(io: StepIO, model: Any, field: str) -> list[str]:
    """The names under `field`, each of which the model has."""
    asked = list(io.params[field])
    names = _names(model)
    for name in asked:
        if name not in names and not any(path.endswith(f".{name}") for path, _ in model.named_modules()):
            help = did_you_mean(name, names, "modules of the model")
            io.fail(f"`{field}` names `{name}`, which the model does not have", help=help, code="LC1233")
    return asked


def _names(model: Any) -> set[str]:
    """Last names of the modules that hold weights."""
    return {path.rpartition(".")[2] for path, module in model.named_modules() if hasattr(module, "weight")}
