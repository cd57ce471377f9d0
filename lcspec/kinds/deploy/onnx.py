"""The released model as ONNX, for onnxruntime on processors: exported by optimum-onnx, held against the release.

A folder with the graph, the tokenizer's files and what is known of it lies under `build/NAME/TARGET`. The export needs
older transformers than lcspec has, so it runs in an environment of its own. Before that, lcspec's own runtime says
which token it finds most probable at each place of evaluated test rows; an export that says too often another one ends
its step. Limits: it is the model alone, without prompt, retrieval and guardrails; ONNX adds nothing to what was gated,
and `int8` here is onnxruntime's own, not that of an optimised form.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lcspec.kinds.api import (
    Body,
    Bound,
    Context,
    Environment,
    Estimate,
    Evidence,
    Kind,
    Lowered,
    Output,
    Resources,
    Step,
    StepIO,
    Subject,
    option,
)
from lcspec.units import Share

LONGEST = 256  # tokens of a row that are compared
LARGE = 2 << 30  # bytes; beyond it a graph cannot hold its weights
SIDE = (".json", ".jinja", ".model", ".txt")


class OnnxBody(Body):
    """An ONNX export."""

    quantize: Literal["none", "int8"] = option(
        "int8",
        doc="Dynamic quantisation of the weights by onnxruntime.",
        effect="`int8` takes a quarter of the room, and moves the answers a little.",
    )
    rows: int = option(40, doc="Test rows that it is held against.", unit="rows", ge=1)
    min_agreement: Share = option(0.95, doc="Share of places at which the most probable token must be the same.")


def lower(ctx: Context, entry: Bound, subject: Subject, evidence: Evidence) -> Lowered:
    """What the release says of some rows, then the export, held against that."""
    body = entry.body
    reference = Step(
        id=f"reference:targets.{entry.name}",
        kind=entry.kind_id,
        action="reference",
        version=KIND.version,
        params={"rows": body.rows, "input": evidence.manifest["input"]},
        inputs={"model": subject.slots["model"], "predictions": evidence.predictions},
        libraries=("torch", "transformers"),
        resources=Resources(cpus=2, memory=2 << 30),
        estimate=Estimate((2.0, 10.0 + 1.0 * body.rows), 1500 << 20, "formula", (0, 1 << 20)),
        source=entry.path,
    )
    export = Step(
        id=f"export:targets.{entry.name}",
        kind=entry.kind_id,
        action="export",
        version=KIND.version,
        params={"quantize": body.quantize, "min-agreement": body.min_agreement},
        inputs={"model": subject.slots["model"], "reference": Output(reference.id, "reference")},
        resources=Resources(cpus=2, memory=4 << 30),
        estimate=Estimate((10.0, 300.0), 4 << 30, "constant"),
        source=entry.path,
    )
    return Lowered((reference, export), {"export": Output(export.id, "onnx")})


def reference(io: StepIO) -> None:
    """Writes, for each row, its tokens and the one that is most probable after each of them."""
    import torch

    from lcspec.runtime.model import load_model

    loaded = load_model(io.input("model"), threads=io.threads)
    with (io.input("predictions") / "predictions.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(io.params["rows"]), strict=False)]
    longest = min(LONGEST, loaded.context or LONGEST)
    with (io.output("reference") / "reference.jsonl").open("w", encoding="utf-8") as out:
        for done, row in enumerate(rows):
            io.progress(done, len(rows))
            text = f"{row['row'][io.params['input']]} {row['answer']}"
            ids = loaded.tokenizer(text)["input_ids"][:longest]
            if ids:
                with torch.no_grad():
                    logits = loaded.model(torch.tensor([ids])).logits[0]
                out.write(json.dumps({"ids": ids, "top": logits.argmax(-1).tolist()}) + "\n")


def export(io: StepIO) -> None:
    """Writes the graph and what belongs to it; ends when it does not agree with the release."""
    from optimum.exporters.onnx import main_export

    target, work = io.output("onnx"), io.checkpoint()
    shutil.rmtree(work)
    plain, made = work / "model", work / "onnx"
    _write_plain(io.input("model"), plain)
    io.progress(1, 4)
    main_export(
        str(plain),
        output=made,
        task="text-generation-with-past",
        library_name="transformers",
        do_validation=False,  # held against lcspec's own runtime below
        no_post_process=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    io.progress(2, 4)
    if io.params["quantize"] == "int8":
        _quantize(made)
    io.progress(3, 4)
    agreement, places = _agreement(io, made / "model.onnx")
    if agreement < io.params["min-agreement"]:
        message = f"the export finds another token most probable at {1 - agreement:.1%} of {places} places"
        help = "use `quantize: none`, or lower `min-agreement`; an architecture may be beyond the exporter"
        io.fail(message, help=help, code="LC1237")
    for path in sorted(made.glob("model.onnx*")):
        shutil.move(path, target / path.name)
    for path in sorted(io.input("model").iterdir()):
        if path.suffix in SIDE and not path.name.endswith(".safetensors.index.json"):
            shutil.copyfile(path, target / path.name)
    about = {"format_version": 1, "quantize": io.params["quantize"], "agreement": agreement, "places": places}
    (target / "export.json").write_text(json.dumps(about, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    shutil.rmtree(work)
    io.metric("agreement", agreement)
    io.metric("places", places)
    io.metric("bytes", sum(path.stat().st_size for path in target.iterdir()))


def _write_plain(source: Path, target: Path) -> None:
    """The model in full precision, with a config that the exporter's transformers reads."""
    from safetensors.torch import save_file

    from lcspec.runtime.scan import check_folder
    from lcspec.runtime.weights import QUANTIZED_NAME, load_quantized

    check_folder(source)
    target.mkdir(parents=True)
    if (source / QUANTIZED_NAME).exists():
        save_file(load_quantized(source), target / "model.safetensors", {"format": "pt"})
    else:
        for path in sorted(source.glob("*.safetensors*")):
            shutil.copyfile(path, target / path.name)
    config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    (target / "config.json").write_text(json.dumps(_older(config)), encoding="utf-8")


def _older(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config of transformers 5 as version 4 says it: the rotary embedding and the type have other names there."""
    made = {name: value for name, value in config.items() if name not in ("rope_parameters", "dtype", "auto_map")}
    made["torch_dtype"] = "float32"
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" in rope:
        made["rope_theta"] = rope["rope_theta"]
        if rope.get("rope_type", "default") != "default":
            made["rope_scaling"] = {name: value for name, value in rope.items() if name != "rope_theta"}
    return made


def _quantize(folder: Path) -> None:
    """Replaces the graph by its 8-bit form."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    whole = folder / "whole"
    whole.mkdir()
    for path in sorted(folder.glob("model.onnx*")):
        path.rename(whole / path.name)
    large = sum(path.stat().st_size for path in whole.iterdir()) > LARGE
    quantize_dynamic(
        whole / "model.onnx",
        folder / "model.onnx",
        weight_type=QuantType.QInt8,
        use_external_data_format=large,
    )
    shutil.rmtree(whole)


def _agreement(io: StepIO, graph: Path) -> tuple[float, int]:
    """The share of places at which onnxruntime and the release agree on the next token; how many places there are."""
    import numpy
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = io.threads
    session = onnxruntime.InferenceSession(str(graph), settings, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    empty = {one.name: _nothing(one.shape) for one in inputs if one.name.startswith("past_key_values")}
    wanted = {one.name for one in inputs}
    same = places = 0
    with (io.input("reference") / "reference.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            count = len(row["ids"])
            given = {"input_ids": [row["ids"]], "attention_mask": [[1] * count], "position_ids": [list(range(count))]}
            feed = {name: numpy.array(value, numpy.int64) for name, value in given.items() if name in wanted}
            (logits,) = session.run(["logits"], {**feed, **empty})
            same += int((logits[0].argmax(-1) == numpy.array(row["top"])).sum())
            places += count
    return (same / places if places else 0.0), places


def _nothing(shape: Sequence[int | str]) -> Any:
    """Keys and values of no token yet: the first side is the batch, any other that has a name is a length."""
    import numpy

    sides = [side if isinstance(side, int) else int(axis == 0) for axis, side in enumerate(shape)]
    return numpy.zeros(sides, numpy.float32)


EXAMPLE = "{kind: onnx, quantize: int8}"
KIND = Kind(
    family="deploy",
    name="onnx",
    version=1,
    body=OnnxBody,
    lower=lower,
    summary="an ONNX graph for onnxruntime, held against the release",
    example=EXAMPLE,
    actions=("reference", "export"),
    environment=Environment(
        requirements=("optimum-onnx==0.1.0", "onnxruntime==1.32.0", "transformers==4.57.6", "torch==2.13.0"),
        actions=("export",),
    ),
)
