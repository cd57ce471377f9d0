"""What a step sees of the environment: an allow-list. Secrets are not in it; a step is handed those it names."""

import os
from collections.abc import Mapping
from pathlib import Path

from lcspec.run.processes import MARK

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH", "TZ")
KEPT_PREFIXES = ("CUDA_", "NVIDIA_", "LCSPEC_", "FAKETIME", "LD_PRELOAD")
FIXED = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    # Steps leave by os._exit; the semaphores of their progress bars are swept by the tracker, which need not say so.
    "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
}
# How pip, proxies, certificates and the places of caches are configured: what a step that fetches needs, and no token.
NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"),
    *("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE"),
)
NETWORK_PREFIXES = ("PIP_",)
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


def environment(store: Path, *, network: bool) -> dict[str, str]:
    """The environment of a step on `store`; a step that fetches also sees how the network is configured."""
    kept = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(KEPT_PREFIXES)}
    fixed: Mapping[str, str] = FIXED
    if network:
        kept |= {k: v for k, v in os.environ.items() if k in NETWORK or k.startswith(NETWORK_PREFIXES)}
        fixed = {name: value for name, value in FIXED.items() if name not in OFFLINE}
    return {**kept, **fixed, MARK: str(store.resolve())}
