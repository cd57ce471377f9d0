"""For all tests: nothing may reach a hub. Set before anything is imported."""

import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))  # `from tests.tiny import …`
