"""Plays one script file of a client in a process of its own."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.clients.started import TOKEN, Started
from tests.conftest import MODEL

HERE: Final = Path(__file__).parent
EMBEDDINGS: Final = "ri.language-model-service..language-model.text-embedding-ada-002_azure"


def play(sidecar: Started, command: Sequence[str | Path], **environment: str) -> Any:
    """The line of JSON that the script prints last. What it needs to know comes in its environment.

    Nothing of this machine's own environment comes along but ``PATH``, so no proxy and no key of somebody's.
    """
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": os.devnull,
        "ORIGIN": f"http://localhost:{sidecar.port}",
        "BASE_URL": sidecar.base_url,
        "TOKEN": TOKEN,
        "MODEL": MODEL,
        "EMBEDDINGS": EMBEDDINGS,
    }
    done = subprocess.run(
        command, check=False, cwd=HERE, env=variables | environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])
