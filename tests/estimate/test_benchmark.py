"""The spec of the benchmark of memory compiles, with all its rows: it had rotted once, and printed only blanks."""

import importlib.util
import json
from pathlib import Path

from lcspec import api

FILE = Path(__file__).parents[2] / "benchmarks" / "memory.py"


def test_the_spec_of_the_benchmark_compiles_and_plans_every_row(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("memory_benchmark", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = tmp_path / "tiny"
    model.mkdir()
    config = {"model_type": "llama", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    (model / "config.json").write_text(json.dumps(config | {"vocab_size": 259, "max_position_embeddings": 8192}))
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (model / name).write_text("{}")
    module.write_project(tmp_path, model, module.CASES, {case.tokens: 3 for case in module.CASES})
    loaded = api.load(tmp_path / "memory.yaml")
    assert [one.message for one in loaded.diagnostics if one.severity == "error"] == []
    steps = {planned.step.id for planned in api.make_plan(loaded)[0].steps}
    for case in module.CASES:
        wanted = f"/{case.name}" if case.kind else f"predict:asks-{case.tokens}.validation:base/plain"
        assert any(step.endswith(wanted) for step in steps), case.name
