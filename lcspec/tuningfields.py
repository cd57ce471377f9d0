"""The fields of recipes, in groups that tuning kinds put together: what is learnt, how weights change, which ones."""

from typing import Literal

from lcspec.ir.strict import Strict, option
from lcspec.units import Duration


class Checkpointing(Strict):
    """When a training step saves what it needs to go on after a kill."""

    every: Duration = option(
        300.0,
        doc="Time between two checkpoints.",
        unit="seconds",
        key=False,
        gt=0,
        effect="A kill loses at most this much work; each checkpoint takes time and disk to write.",
    )
    every_steps: int | None = option(
        None,
        doc="Steps between two checkpoints, in place of `every`.",
        key=False,
        ge=1,
        effect="A kill loses at most these steps.",
    )
    keep: int = option(
        2,
        doc="Checkpoints that are kept; the oldest goes first.",
        key=False,
        ge=1,
        effect="Disk grows by one state of weights and optimiser for each.",
    )


class RecipeBody(Strict):
    """What is learnt from, and for how long."""

    data: str = option(
        doc="Rows to learn from: `data.train` of an entry, say `tickets.train`.",
        refers="data.split",
        effect="Other rows teach something else; the split that judges must not be among them.",
    )
    after: str | None = option(
        None,
        doc="A recipe that runs before this one.",
        key=False,
        refers="tuning",
        effect="Training starts from that recipe's weights, so what it taught is kept or overwritten.",
    )
    rows: int | None = option(
        None,
        doc="Rows to use; all when left out.",
        ge=1,
        effect="Fewer rows train in proportionally less time and teach less.",
    )
    epochs: float = option(
        1.0,
        doc="Passes over the rows.",
        gt=0,
        effect="Time grows in proportion; beyond some four passes rows are learnt by heart.",
        source="Muennighoff et al. 2023, arXiv:2305.16264",
    )
    max_steps: int | None = option(
        None,
        doc="Steps after which training ends, in place of `epochs`.",
        ge=1,
        effect="Training ends there however many rows are left; the schedule is stretched to it.",
    )
    max_length: int = option(
        512,
        doc="Rows longer than this are left out, never cut.",
        unit="tokens",
        ge=16,
        effect="Memory grows with the longest row of a batch; a smaller value leaves more rows out.",
    )


class OptimBody(Strict):
    """How weights are changed."""

    batch_size: int = option(
        8,
        doc="Rows that are in memory at once.",
        unit="rows",
        ge=1,
        effect="Larger batches have steadier gradients and fewer steps; memory for activations grows in proportion.",
    )
    accumulate: int = option(
        1,
        doc="Batches whose gradients make one step.",
        unit="batches",
        ge=1,
        effect="The same gradient as a batch that many times as large, in the memory of one.",
    )
    learning_rate: float = option(
        2e-5,
        doc="Peak learning rate, reached after the warm-up.",
        gt=0,
        effect="Larger steps learn faster and forget more; too large ones diverge.",
    )
    schedule: Literal["linear", "cosine", "constant", "polynomial", "inverse-sqrt"] = option(
        "linear",
        doc="How the learning rate goes on after the warm-up.",
        effect="A falling rate lets weights settle at the end; `constant` ends as noisy as it began.",
        source="Loshchilov and Hutter 2016 (cosine), arXiv:1608.03983",
    )
    warmup_steps: int = option(
        5,
        doc="Steps until the peak.",
        unit="steps",
        ge=0,
        effect="Slow first steps keep early, badly scaled gradients from moving weights far.",
        source="Goyal et al. 2017, arXiv:1706.02677",
    )
    warmup_share: float | None = option(
        None,
        doc="Share of all steps until the peak, in place of steps.",
        ge=0,
        lt=1,
        effect="As `warmup-steps`, but growing with the length of the training.",
    )
    optimizer: Literal["adamw", "adafactor", "sgd", "rmsprop", "adagrad"] = option(
        "adamw",
        doc="The optimiser.",
        effect="AdamW keeps two numbers for each weight that learns, Adafactor almost none, SGD none.",
        source="Shazeer and Stern 2018 (Adafactor), arXiv:1804.04235",
    )
    weight_decay: float = option(
        0.0,
        doc="Decoupled weight decay.",
        ge=0,
        effect="Larger values pull weights towards zero at every step.",
        source="Loshchilov and Hutter 2017, AdamW, arXiv:1711.05101",
    )
    beta1: float = option(
        0.9,
        doc="AdamW's decay of the mean gradient.",
        ge=0,
        lt=1,
        source="Kingma and Ba 2014, Adam, arXiv:1412.6980",
        effect="Larger values average gradients over more steps: smoother and slower to turn.",
    )
    beta2: float = option(
        0.999,
        doc="AdamW's decay of the mean squared gradient.",
        ge=0,
        lt=1,
        source="Kingma and Ba 2014, Adam, arXiv:1412.6980",
        effect="Smaller values follow changes of scale faster; with few steps 0.95 to 0.99 is common.",
    )
    epsilon: float = option(
        1e-8,
        doc="AdamW's guard against division by zero.",
        gt=0,
        effect="Larger values damp the steps of weights with tiny gradients.",
    )
    max_grad_norm: float = option(
        1.0,
        doc="Gradients with a larger norm are scaled down to it; 0 leaves them.",
        ge=0,
        effect="Smaller values keep single odd batches from moving the weights far.",
        source="Pascanu et al. 2012, arXiv:1211.5063",
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32",
        doc="Arithmetic of the forward pass; `bfloat16` is mixed precision, and slow on most CPUs.",
        effect="`bfloat16` halves activations and is fast where the device has it; last digits differ.",
        source="Micikevicius et al. 2017, arXiv:1710.03740",
    )
    gradient_checkpointing: bool = option(
        False,
        doc="Recompute activations in the backward pass to save memory.",
        effect="Less memory for activations, one more forward pass of time.",
        source="Chen et al. 2016, arXiv:1604.06174",
    )
    seed: int = option(
        0,
        doc="Seed of sampling, order and initial weights.",
        effect="The spread between seeds is the noise of a result.",
    )
    checkpoint: Checkpointing = option(
        Checkpointing,
        doc="When training saves its state.",
        key=False,
        effect="Trades work lost at a kill against time and disk; results are the same.",
    )


class TrainingBody(OptimBody, RecipeBody):
    """What every way of tuning says: rows, length, optimiser."""


class SupervisedBody(TrainingBody):
    """Training on answers: a target, accepted answers or whole conversations."""

    sampling: Literal["random", "balanced"] = option(
        "random",
        doc="`balanced` takes labels in turn.",
        effect="`balanced` helps rare labels, whose rows repeat, and costs the frequent ones.",
    )
    neftune_alpha: float | None = option(
        None,
        doc="Scale of noise on the embeddings (NEFTune); none by default.",
        gt=0,
        source="Jain et al. 2023, NEFTune, arXiv:2310.05914",
        effect="Noise keeps a model from copying the form of few rows; too much blurs what they say.",
    )


class ModulesBody(Strict):
    """Which layers get adapters."""

    modules: Literal["all-linear", "attention"] = option(
        "all-linear",
        doc="Layers that get adapters.",
        effect="`attention` trains fewer numbers; `all-linear` comes closer to full fine-tuning.",
        source="Dettmers et al. 2023, QLoRA, arXiv:2305.14314",
    )
    target_modules: tuple[str, ...] = option(
        (),
        doc="Names of layers that get adapters, in place of `modules`.",
        effect="Only these layers learn; the others keep what they knew.",
    )


class AdapterBody(ModulesBody):
    """Low-rank adapters, as PEFT knows them."""

    rank: int = option(
        8,
        doc="Rank of the adapters.",
        ge=1,
        le=1024,
        effect="Adapter parameters and their memory grow in proportion; more rows are needed to fill them.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685",
    )
    alpha: int = option(
        16,
        doc="Scale of the adapters; the update is multiplied by alpha / rank.",
        ge=1,
        effect="Like a learning rate of the adapters: twice the value doubles their update.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685",
    )
    dropout: float = option(
        0.0,
        doc="Dropout on the adapters' input.",
        ge=0,
        lt=1,
        effect="Larger values fit few rows less closely.",
        source="Hu et al. 2021, LoRA, arXiv:2106.09685",
    )
    layers: tuple[int, ...] = option(
        (),
        doc="Numbers of the blocks that get adapters, from 0; all by default.",
        effect="Fewer blocks learn in less memory and time; upper blocks change style more than knowledge.",
    )
    also_train: tuple[str, ...] = option(
        (),
        doc="Modules that are trained whole beside the adapters: `lm_head`, …",
        effect="What is named has gradients and optimiser states of full size; needed where tokens are new.",
    )


class QuantizedBody(Strict):
    """How the frozen weights are kept while adapters on them learn."""

    base: Literal["nf4", "fp4", "int8"] = option(
        "nf4",
        doc="Form of the frozen weights while training.",
        effect="Four bits take half the memory of eight for the frozen weights.",
        source="Dettmers et al. 2023, QLoRA, arXiv:2305.14314",
    )
    double_quant: bool = option(
        False,
        doc="Quantise the scales of the frozen weights too.",
        source="Dettmers et al. 2023, QLoRA, arXiv:2305.14314",
        effect="Saves some 0.4 bits for each frozen weight, for a little time.",
    )


class VariantBody(Strict):
    """How low-rank adapters are scaled, or split."""

    variant: Literal["plain", "rslora", "dora"] = option(
        "plain",
        doc="The kind of adapter.",
        effect="`rslora` makes large ranks effective, `dora` often gains at small ones and takes more time.",
        source="arXiv:2312.03732 (rsLoRA), arXiv:2402.09353 (DoRA)",
    )


class ChosenAdapterBody(AdapterBody, QuantizedBody, VariantBody):
    """Methods that train adapters, adapters on quantised weights, or all weights."""

    adapter: Literal["lora", "qlora", "none"] = option(
        "lora",
        doc="What learns: adapters, adapters on quantised weights (`qlora`), or all weights (`none`).",
        effect="Adapters take less memory and forget less; `none` trains every weight and can move furthest.",
        source="Biderman et al. 2024, arXiv:2405.09673",
    )


class AlignmentBody(TrainingBody, ChosenAdapterBody):
    """Training on what people or models prefer."""

    learning_rate: float = option(5e-6, doc="Peak learning rate, reached after the warm-up.", gt=0)
    beta: float = option(
        0.1,
        doc="How closely the model is held to the one it started from.",
        gt=0,
        effect="Larger values stay closer to the model before; small ones follow the preferences further.",
        source="Rafailov et al. 2023, DPO, arXiv:2305.18290",
    )
