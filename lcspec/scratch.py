"""Making what training from scratch starts with: a tokenizer learnt from documents, and a model of random weights."""

from typing import Any

from lcspec import examples
from lcspec.kinds.api import StepIO
from lcspec.runtime.scan import check_files
from lcspec.sizes import Sizes, choose, parameters, read_sizes

END, START, TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHAT = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def tokenizer_for(io: StepIO) -> Any:
    """The tokenizer of another model, or a byte-level BPE learnt from the documents, with a chat template."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    if io.has("tokenizer"):
        check_files(io.input("tokenizer"))
        return AutoTokenizer.from_pretrained(io.input("tokenizer"), trust_remote_code=False, local_files_only=True)
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    learnt = Tokenizer(models.BPE())
    learnt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learnt.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=io.params["vocabulary"],
        special_tokens=[END, START, TURN],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learnt.train_from_iterator(examples.documents(io), trainer)
    made = PreTrainedTokenizerFast(tokenizer_object=learnt, eos_token=END, bos_token=END, pad_token=END)
    made.add_special_tokens({"additional_special_tokens": [START, TURN]})
    made.chat_template = CHAT
    return made


def sizes_for(io: StepIO, vocabulary: int) -> Sizes:
    """The shape that the spec gives, or the one closest to its number of parameters."""
    params = io.params
    if params["sizes"] is not None:
        return read_sizes(params["sizes"], params["architecture"])
    made = choose(
        params["architecture"],
        params["parameters"],
        vocabulary=vocabulary,
        context=params["max-length"],
        tied=params["tied"],
    )
    count = parameters(
        params["architecture"], made, vocabulary=vocabulary, context=params["max-length"], tied=params["tied"]
    )
    if abs(count - params["parameters"]) > 0.25 * params["parameters"]:
        least = vocabulary * 32
        help = f"embeddings of {vocabulary} tokens take {least:,} and more: ask for more, or for a smaller vocabulary"
        io.fail(f"{params['parameters']:,} parameters cannot be reached: {count:,} is next", help=help, code="LC1235")
    return made


def new_model(io: StepIO, sizes: Sizes, tokenizer: Any, vocabulary: int) -> Any:
    """A model of random weights, float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    params = io.params
    shared = {
        "vocab_size": vocabulary,
        "tie_word_embeddings": params["tied"],
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if params["architecture"] == "gpt2":
        shape = {
            "n_embd": sizes.hidden,
            "n_layer": sizes.layers,
            "n_head": sizes.heads,
            "n_inner": sizes.intermediate,
            "n_positions": params["max-length"],
        }
    else:
        shape = {
            "hidden_size": sizes.hidden,
            "num_hidden_layers": sizes.layers,
            "num_attention_heads": sizes.heads,
            "num_key_value_heads": sizes.kv_heads,
            "intermediate_size": sizes.intermediate,
            "max_position_embeddings": params["max-length"],
        }
    torch.manual_seed(io.seed)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(params["architecture"], **shared, **shape))
    return model.float()
