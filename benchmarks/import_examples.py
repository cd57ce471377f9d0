"""How many of axolotl's and LLaMA-Factory's own examples become specs that `lcspec check` finds no error in.

    python benchmarks/import_examples.py CHECKOUT… [--specs FOLDER] [--json FILE]

CHECKOUT is a checkout of either project (`examples/`, and `data/` of LLaMA-Factory, are read). Counted are training
files of one text model. What is no such file is listed apart with the reason: configurations of accelerate and
DeepSpeed, of clouds, of inference, merging and export, and trainings with images or sounds.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import yaml

from lcspec import api
from lcspec.diag.model import LcspecError
from lcspec.importing.api import convert
from lcspec.importing.build import lost
from lcspec.importing.place import Place
from lcspec.project import read_source

MULTIMODAL = ("processor_type", "image_max_pixels", "video_max_pixels", "freeze_vision_tower", "image_size")
MULTIMODAL_DATA = re.compile(r"mllm|llava|vision|audio|multimodal|rlhf_v|vlm", re.I)
MULTIMODAL_TYPE = ("Llama4ForConditionalGeneration",)


class Outcome(NamedTuple):
    """What became of one file."""

    file: str
    group: str  # imported, failed, or excluded
    reason: str
    lost: int = 0
    warnings: tuple[str, ...] = ()


def excluded(path: Path, data: object) -> str | None:
    """Why a file is no training of one text model; None when it is."""
    if not isinstance(data, dict):
        return "no mapping"
    models = {"base_model", "model_name_or_path", "model"} & data.keys()
    if {"compute_environment", "distributed_type", "fsdp_config"} & data.keys() and not models:
        return "configuration of accelerate"
    if {"provider", "gpu_count"} & data.keys():
        return "configuration of a cloud"
    if not models:
        return "other configuration"
    if {"export_dir", "infer_backend"} & data.keys():
        return "merging, export or inference"
    trains = {"datasets", "pretraining_dataset", "dataset", "train_dataset"} & data.keys()
    if not trains:
        return "merging, export or inference"
    if data.get("do_predict") and not data.get("do_train"):
        return "prediction"
    if any(data.get(key) for key in MULTIMODAL) or MULTIMODAL_DATA.search(_data_names(data)):
        return "images or sounds"
    return None


def _data_names(data: dict[str, object]) -> str:
    listed = data.get("datasets") or data.get("dataset") or data.get("train_dataset") or ""
    return str(
        [one.get("path") if isinstance(one, dict) else one for one in listed] if isinstance(listed, list) else listed
    )


def measure(path: Path, name: str, target: Path) -> Outcome:
    """Imports one file and checks the spec."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        return Outcome(name, "failed", f"not YAML: {error}")
    why = excluded(path, data)
    if why:
        return Outcome(name, "excluded", why)
    spec = target / (re.sub(r"[^A-Za-z0-9]+", "-", name) + ".spec.yaml")
    try:
        made = convert(read_source(path), Place(path, target))
    except LcspecError as error:
        return Outcome(name, "failed", error.diagnostics[0].message)
    spec.write_text(made.text, encoding="utf-8")
    loaded = api.load(spec)
    if not loaded.ok:
        wrong = [one for one in loaded.diagnostics if one.severity == "error"]
        return Outcome(name, "failed", f"check: {wrong[0].code} {wrong[0].message}")
    warnings = tuple(sorted({one.code for one in loaded.diagnostics}))
    return Outcome(name, "imported", made.tool, len(lost(made.items)), warnings)


def main() -> int:
    """Prints counts and reasons; exit code 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkouts", nargs="+", type=Path)
    parser.add_argument("--specs", type=Path, help="keep the specs in this folder")
    parser.add_argument("--json", type=Path, help="write every outcome")
    options = parser.parse_args()
    target = options.specs or Path(tempfile.mkdtemp())
    target.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    for checkout in options.checkouts:
        found = sorted(p for p in (checkout / "examples").rglob("*") if p.suffix in (".yaml", ".yml"))
        own = [measure(path, f"{checkout.name}/{path.relative_to(checkout)}", target) for path in found]
        tell(str(checkout.name), own)
        outcomes += own
    if len(options.checkouts) > 1:
        tell("together", outcomes, short=True)
    if options.json:
        options.json.write_text(json.dumps([one._asdict() for one in outcomes], indent=1) + "\n", encoding="utf-8")
    if not options.specs:
        shutil.rmtree(target)
    return 0


def tell(title: str, outcomes: list[Outcome], *, short: bool = False) -> None:
    """Prints one project's counts."""
    groups = Counter(one.group for one in outcomes)
    counted = groups["imported"] + groups["failed"]
    share = groups["imported"] / counted if counted else 0.0
    print(f"{title}: {len(outcomes)} files, {groups['excluded']} excluded, {counted} trainings of one text model")
    print(f"  imported and without an error of check: {groups['imported']} = {share:.1%}")
    warnings = Counter(code for one in outcomes for code in one.warnings)
    print(f"  warnings of check: {', '.join(f'{code} × {n}' for code, n in sorted(warnings.items())) or 'none'}")
    if short:
        return
    for group in ("failed", "excluded"):
        reasons = Counter(one.reason for one in outcomes if one.group == group)
        for reason, count in reasons.most_common():
            print(f"  {group} {count:3}  {reason}")
    without = sum(one.group == "imported" and not one.lost for one in outcomes)
    print(f"  imported without any loss or difference: {without}")


if __name__ == "__main__":
    sys.exit(main())
