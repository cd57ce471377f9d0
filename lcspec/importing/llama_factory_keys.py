"""LLaMA-Factory's keys: which field of a tuning entry they are, and which need none."""

from lcspec.importing.settings import Convert, number, whole

FIELDS: dict[str, tuple[str, Convert]] = {
    "per_device_train_batch_size": ("batch-size", whole),
    "micro_batch_size": ("batch-size", whole),
    "gradient_accumulation_steps": ("accumulate", whole),
    "max_steps": ("max-steps", whole),
    "num_train_epochs": ("epochs", number),
    "learning_rate": ("learning-rate", number),
    "warmup_ratio": ("warmup-share", number),
    "warmup_steps": ("warmup-steps", whole),
    "weight_decay": ("weight-decay", number),
    "adam_beta1": ("beta1", number),
    "adam_beta2": ("beta2", number),
    "adam_epsilon": ("epsilon", number),
    "max_grad_norm": ("max-grad-norm", number),
    "cutoff_len": ("max-length", whole),
    "max_samples": ("rows", whole),
    "seed": ("seed", whole),
    "neftune_noise_alpha": ("neftune-alpha", number),
}
PREFERENCE: dict[str, tuple[str, Convert]] = {
    "pref_beta": ("beta", number),
    "dpo_label_smoothing": ("label-smoothing", number),
    "kto_chosen_weight": ("desirable-weight", number),
    "kto_rejected_weight": ("undesirable-weight", number),
}
METHODS = {
    "use_llama_pro": "lcspec has no LLaMA Pro",
    "mixture_of_depths": "lcspec has no mixture of depths",
    "use_asft_loss": "lcspec has no ASFT loss",
    "use_eaft_loss": "lcspec has no entropy-aware loss",
}
OTHER_OPTIMIZERS = ("galore", "apollo", "badam", "adam_mini", "muon")
MATTERS = {
    "packing": "one row is one sequence: a step sees fewer tokens",
    "neat_packing": "one row is one sequence: a step sees fewer tokens",
    "train_on_prompt": "the loss is on the answer only",
    "mask_history": "every answer of a conversation counts",
    "efficient_eos": "answers end as the chat template ends them",
    "resize_vocab": "no token is added to the vocabulary",
    "add_tokens": "no token is added to the vocabulary",
    "new_special_tokens_config": "no token is added to the vocabulary",
    "loraplus_lr_ratio": "both matrices of an adapter learn at one rate",
    "pissa_iter": "the start is computed exactly",
    "rope_scaling": "the model keeps the context of its repository",
    "shift_attn": "attention is full",
    "use_kt": "experts are not kept on the CPU",
    "fp8": "arithmetic is float32 or bfloat16",
    "streaming": "rows are read as a whole",
    "mix_strategy": "data sets are put one after the other",
    "interleave_probs": "data sets are put one after the other",
    "adapter_name_or_path": "training starts from the base, not from an adapter",
    "ref_model": "the reference is the model before training",
    "asft_alpha": "lcspec has no ASFT loss",
}
NEEDLESS: dict[str, tuple[str, ...]] = {
    "lcspec keeps the loss curve, its metrics and its log by itself": (
        r"report_to|run_name|logging_.*|plot_loss|use_swanlab|swanlab_.*|wandb_.*|include_num_input_tokens_seen|badam_verbose",
    ),
    "how work is laid out on devices, which the runner decides": (
        r"deepspeed|fsdp|fsdp_.*|ddp_.*|ray_.*|tensor_model_.*|pipeline_model_.*|context_parallel_.*|expert_model_.*|cp_.*",
        r"sequence_parallel.*|virtual_pipeline.*|use_distributed_optimizer|overlap_.*|dist_config|init_config|device_map",
        r"preprocessing_num_workers|dataloader_.*|use_reentrant_gc|gradient_checkpointing_kwargs|kt_.*|use_unsloth.*|upcast_.*",
        r"moe_.*|recompute_.*|mixed_precision|low_cpu_mem_usage|ep_.*|preprocessing_batch_size|hyper_parallel.*",
    ),
    "another way to the same numbers": (
        r"flash_attn|enable_liger_kernel|use_v1_kernels|kernel_config|bias_activation_fusion|apply_rope_fusion|tf32",
        r"masked_softmax_fusion|cross_entropy_loss_fusion|fp8_.*|batching_strategy|batching_.*|use_packed_sequences",
    ),
    "the store keeps results, and a run resumes by itself": (
        r"output_dir|save_.*|overwrite_.*|resume_from_checkpoint|tokenized_path|cache_dir|export_.*|push_to_hub|hub_.*",
        r"eval_.*|per_device_eval_batch_size|do_eval|load_best_model_at_end|metric_for_best_model",
    ),
    "read from the repository of the model": (
        r"model_class|use_fast_tokenizer|split_special_tokens|init_special_tokens",
    ),
    "says nothing beyond other keys, or is about serving": (
        r"do_train|sample_backend|max_new_tokens|temperature|top_p|top_k|remove_unused_columns|pure_bf16|val_size",
        r"enable_thinking|predict_with_generate|ddp_find_unused_parameters|group_by_length",
    ),
}
