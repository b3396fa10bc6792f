"""The sidecar."""

import os

# pydantic looks for plugins in all that is installed, which takes time, and would show them what it validates
os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
