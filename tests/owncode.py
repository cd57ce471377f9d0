"""A tiny model whose architecture is its own Python files, as repositories with an `auto_map` have it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tests.tiny import write_tiny_model

CONFIGURATION = """
from transformers import LlamaConfig


class BentConfig(LlamaConfig):
    model_type = "bent"

    def __init__(self, bend=1.0, **more):
        self.bend = bend
        super().__init__(**more)
"""
MODELING = """
from torch import nn
from transformers import LlamaForCausalLM

from .bending import bent
from .configuration_bent import BentConfig


class BentHead(nn.Linear):
    def forward(self, states):
        return bent(super().forward(states), 1.0)


class BentForCausalLM(LlamaForCausalLM):
    config_class = BentConfig

    def __init__(self, config):
        super().__init__(config)
        self.lm_head = BentHead(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
"""
BENDING = '''
def bent(logits, bend):
    """Turns the choices round: the library's own Llama would answer otherwise."""
    return -bend * logits
'''
FILES = {"configuration_bent.py": CONFIGURATION, "modeling_bent.py": MODELING, "bending.py": BENDING}
AUTO_MAP = {"AutoConfig": "configuration_bent.BentConfig", "AutoModelForCausalLM": "modeling_bent.BentForCausalLM"}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_own_model(folder: Path, *, seed: int = 3) -> Path:
    """Write a tiny Llama whose logits its own code turns round; returns its folder."""
    write_tiny_model(folder, seed=seed)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "bent", "architectures": ["BentForCausalLM"], "bend": 1.0, "auto_map": AUTO_MAP}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def allow(model: str = "own", files: dict[str, str] | None = None) -> str:
    """The section `allow` for the files of a model, as YAML."""
    entry = "  {}: {{kind: remote-code, model: {}, file: {}, sha256: {}}}\n"
    lines = [
        entry.format(name.removesuffix(".py").replace("_", "-"), model, name, digest(text))
        for name, text in (files or FILES).items()
    ]
    return "allow:\n" + "".join(lines)
