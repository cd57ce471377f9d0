"""Loading a model with its frozen weights quantised by bitsandbytes, for adapters to learn on."""

from importlib.util import find_spec
from typing import Any

from lcspec.kinds.api import StepIO
from lcspec.modelcode import shut_in


def load_quantized_base(io: StepIO) -> Any:
    """The model of the step with 4- or 8-bit weights, and its tokenizer, as `runtime.model.LoadedModel`.

    Ends the step when bitsandbytes is not installed.
    """
    if find_spec("bitsandbytes") is None:
        help = 'install it: `pip install "lcspec[qlora]"`'
        io.fail("quantised training needs the package bitsandbytes", help=help, code="LC1234")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from lcspec.runtime.model import LoadedModel, stop_ids_of
    from lcspec.runtime.modelcode import place_of
    from lcspec.runtime.scan import check_folder

    code = shut_in(io)
    check_folder(io.input("model"), code)
    folder, trusted = place_of(io.input("model"), code)
    torch.set_num_threads(io.threads)
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        quantization_config=_config(io),
        device_map={"": "cuda" if torch.cuda.is_available() else "cpu"},
        dtype=torch.bfloat16 if io.params["precision"] == "bfloat16" else torch.float32,
        use_safetensors=True,
        trust_remote_code=trusted,
        local_files_only=True,
    )
    model.requires_grad_(False)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=trusted, local_files_only=True)
    context = getattr(model.config, "max_position_embeddings", None)
    return LoadedModel(model, tokenizer, stop_ids_of(model, tokenizer), context)


def _config(io: StepIO) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    params = io.params
    if params["base"] == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=params["base"],
        bnb_4bit_use_double_quant=params["double-quant"],
        bnb_4bit_compute_dtype=torch.bfloat16 if params["precision"] == "bfloat16" else torch.float32,
    )
