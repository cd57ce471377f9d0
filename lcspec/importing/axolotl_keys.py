"""axolotl's keys: which field of a tuning entry they are, and which need none."""

from lcspec.importing.settings import Convert, number, whole

FIELDS: dict[str, tuple[str, Convert]] = {
    "micro_batch_size": ("batch-size", whole),
    "batch_size": ("batch-size", whole),
    "gradient_accumulation_steps": ("accumulate", whole),
    "num_epochs": ("epochs", number),
    "max_steps": ("max-steps", whole),
    "learning_rate": ("learning-rate", number),
    "warmup_ratio": ("warmup-share", number),
    "weight_decay": ("weight-decay", number),
    "adam_beta1": ("beta1", number),
    "adam_beta2": ("beta2", number),
    "adam_epsilon": ("epsilon", number),
    "adam_eps": ("epsilon", number),
    "max_grad_norm": ("max-grad-norm", number),
    "sequence_len": ("max-length", whole),
    "seed": ("seed", whole),
    "neftune_noise_alpha": ("neftune-alpha", number),
}
ADAPTER: dict[str, tuple[str, Convert]] = {
    "lora_r": ("rank", whole),
    "lora_alpha": ("alpha", whole),
    "lora_dropout": ("dropout", number),
    "lora_modules_to_save": ("also-train", list),
    "peft_layers_to_transform": ("layers", list),
    "lora_layers_to_transform": ("layers", list),
}
PREFERENCE: dict[str, tuple[str, Convert]] = {
    "rl_beta": ("beta", number),
    "dpo_beta": ("beta", number),
    "orpo_alpha": ("beta", number),
    "dpo_label_smoothing": ("label-smoothing", number),
    "kto_desirable_weight": ("desirable-weight", number),
    "kto_undesirable_weight": ("undesirable-weight", number),
}
METHODS = {  # what lcspec has no way of training for
    "reward_model": "lcspec trains no reward model yet",
    "process_reward_model": "lcspec trains no reward model yet",
    "diffusion": "lcspec trains no diffusion language model",
    "relora": "lcspec has no ReLoRA",
    "lisa_n_layers": "lcspec has no LISA",
    "llmcompressor": "lcspec does not keep sparsity while training",
    "use_eaft": "lcspec has no entropy-aware loss",
}
MATTERS = {
    "sample_packing": "one row is one sequence: a step sees fewer tokens",
    "pretrain_multipack_attn": "blocks are packed end to end",
    "train_on_inputs": "the loss is on the answer only",
    "group_by_length": "rows keep the order of the seeded shuffle",
    "curriculum_sampling": "rows keep the order of the seeded shuffle",
    "early_stopping_patience": "training does not stop early by itself",
    "dataset_exact_deduplication": "only rows that also stand in a split that judges are taken out",
    "lora_target_parameters": "only linear layers get adapters",
    "quantize_moe_experts": "experts stay in full precision",
    "model_config": "the model keeps the configuration of its repository",
    "overrides_of_model_config": "the model keeps the configuration of its repository",
    "reinit_weights": "weights are those of the repository; `kind: from-scratch` starts anew",
    "tokens": "no token is added to the vocabulary",
    "added_tokens_overrides": "no token is added to the vocabulary",
    "min_sample_len": "short rows stay",
    "cosine_min_lr_ratio": "the schedule ends at 0",
    "eta_min": "the schedule ends at 0",
    "cosine_constant_lr_ratio": "the schedule ends at 0",
    "lora_model_dir": "training starts from the base, not from an adapter",
    "nvfp4_merge_aware": "adapters are merged into full precision",
    "gptq": "the base is read in full precision",
    "lr_quadratic_warmup": "the warm-up is linear",
    "fp8": "arithmetic is float32 or bfloat16",
    "evaluate_generation": "see `evaluation`",
}
NEEDLESS: dict[str, tuple[str, ...]] = {
    "lcspec keeps the loss curve, its metrics and its log by itself": (
        r"wandb_.*|use_wandb|swanlab_.*|use_swanlab|trackio_.*|use_trackio|mlflow_.*|use_mlflow|comet_.*|use_comet",
        r"use_tensorboard|use_otel_metrics|otel_.*|logging_steps|debug|eval_table_size|report_to|project_name|profiler_.*",
        r"test_value|include_tokens_per_second",
    ),
    "how work is laid out on devices, which the runner decides": (
        r"fsdp|fsdp_.*|deepspeed|dp_.*_size|tensor_parallel_size|context_parall?e?pl?lel_size|expert_parallel_.*",
        r"ddp.*|device_map|local_rank|use_ray|ray_.*|torchdistx_path|accelerator_config|low_cpu_mem_usage|gpu_.*",
        r"experimental_skip_move_to_device|activation_offloading|gradient_checkpointing_kwargs|offload.*|sequence_parallel.*",
        r"dataloader_.*|dataset_processes|dataset_num_proc|heads_k_stride|ring_attn_func|max_memory|bnb_config_kwargs",
    ),
    "another way to the same numbers": (
        r"attn_implementation|flash_.*|xformers_attention|sdp_attention|flex_.*|s2_attention|liger_.*|lora_.*_kernel",
        r"cut_cross_entropy|use_kernels|use_scattermoe|use_sonicmoe|plugins|torch_compile.*|tf32|tiled_mlp.*|fused_.*",
        r"use_.*_kernels|use_onebitllms|experts_implementation|gemma4_hybrid_attn_impl|dsv4_.*|unsloth_.*|gptq_.*",
        r"llama4_linearized_experts|model_quantization_config.*|gemma_.*|use_grouped_mm|strict_kernels",
    ),
    "the store keeps results, and a run resumes by itself": (
        r"output_dir|saves_per_epoch|save_strategy|save_safetensors|save_only_model|save_first_step|hub_.*|push_.*",
        r"resume_from_checkpoint|auto_resume_from_checkpoints|dataset_prepared_path|skip_prepare_dataset",
        r"load_best_model_at_end|metric_for_best_model|streaming.*|shuffle_merged_datasets|eval_strategy|evaluation_strategy",
        r"evals_per_epoch|eval_steps|eval_batch_size|do_bench_eval|eval_sample_packing|eval_max_new_tokens|do_causal_lm_eval",
        r"eval_causal_lm_metrics|bench_dataset|save_total_limit",
    ),
    "read from the repository of the model": (
        r"model_type|tokenizer_type|tokenizer_use_fast|tokenizer_legacy|tokenizer_config|base_model_config|eot_tokens",
        r"tokenizer_use_mistral_common|base_model_ignore_patterns|cls_model_config|is_.*_derived_model|processor_type",
        r"resize_token_embeddings_to_32x|torch_dtype|shrink_embeddings|embeddings_skip_upcast|tokenizer_save_jinja_files",
    ),
    "says nothing beyond other keys, or is about how rows are laid out in memory": (
        r"strict|full_finetune|ddp_find_unused_parameters|remove_unused_columns|pad_to_sequence_len|max_packed_sequence_len",
        r"sample_packing_.*|total_num_tokens|total_supervised_tokens|lora_fan_in_fan_out|loss_watchdog_.*|lora_on_cpu",
        r"special_tokens_only|rl_adapter_ref_model|freeze_mm_modules|pad_to_multiple_of|excess_length_strategy",
    ),
}
