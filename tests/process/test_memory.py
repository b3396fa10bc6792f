import platform
import subprocess
import sys

import pytest

FAULTS_OF_COPIES = """
import resource
from addons.process import memory

{first}
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    held = [bytes(range(256)) * 80_000 for _ in range(3)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults_of_copies(first: str) -> int:
    """How many pages the system had to give a process of its own for 20 bodies of 20 MB, each copied twice."""
    script = FAULTS_OF_COPIES.format(first=first)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries know no such parameters")
def test_the_pages_of_a_large_body_serve_the_next() -> None:
    assert faults_of_copies("memory.keep_pages()") * 4 < faults_of_copies("")
