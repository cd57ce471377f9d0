"""Imported once by the fork server: what steps need of lcspec, and the ML stack when the run needs it. Imports only: no
tensor operation may run here, or the forked children would inherit a thread pool that does not exist in them."""

import gc
import logging
import os
import signal
from contextlib import suppress

# What stops an apply reaches its whole process group. The server must outlive that: a step that saves its checkpoint
# ends with its server. It ends when the apply closes its pipe.
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)

# What libraries print while they are imported belongs to no step and not on the terminal.
with suppress(OSError, KeyError):
    log = os.open(f"{os.environ['LCSPEC_STORE']}/logs/imports.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)

if os.environ.get("LCSPEC_PRELOAD") == "ml":
    # peft loads it where it is installed; it complains on the terminal about an optional package of its own.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers  # noqa: F401
    import trl.trainer.sft_trainer  # noqa: F401
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

# What every step needs of lcspec, the kinds of third parties among it: to find those reads every installed package.
from lcspec.kinds import registry  # noqa: E402

registry.preload(os.environ.get("LCSPEC_PRELOAD_KINDS", "").split())

gc.collect()
gc.freeze()  # a collection in a child would touch, and so copy, every page of what was imported
