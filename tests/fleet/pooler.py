"""A real pgbouncer in transaction mode before a PostgreSQL, as Debian ships it and without a setting for us."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from tests.waiting import LONGEST, eventually

INI = """[databases]
* = host=127.0.0.1 port={to}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
stats_users = owner
pool_mode = transaction
default_pool_size = {pool}
max_client_conn = {clients}
logfile =
pidfile =
"""


class Pooler:
    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    def show(self, what: str) -> list[dict[str, Any]]:
        """Its own figures: ``POOLS``, ``STATS``."""
        url = f"postgresql://owner@127.0.0.1:{self.port}/pgbouncer"
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            cursor = psycopg.ClientCursor(connection, row_factory=psycopg.rows.dict_row)
            return cursor.execute(f"SHOW {what}".encode()).fetchall()


@contextmanager
def pooling(to: int, users: tuple[str, ...] = ("owner",), pool: int = 4, clients: int = 2000) -> Iterator[Pooler]:
    """``to`` is the server's port; of all ``clients`` at most ``pool`` connections go there."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "no pgbouncer: apt install pgbouncer"
    with TemporaryDirectory(prefix="pgbouncer-") as name, socket.create_server(("127.0.0.1", 0)) as free:
        port, directory = free.getsockname()[1], Path(name)
        free.close()
        directory.chmod(0o755)  # as root it refuses to run
        (directory / "users").write_text("".join(f'"{user}" ""\n' for user in users))
        (directory / "ini").write_text(
            INI.format(to=to, port=port, users=directory / "users", pool=pool, clients=clients)
        )
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        process = subprocess.Popen([program, "-q", *user, directory / "ini"], stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: _answers(port, process))
            yield Pooler(port, process)
        finally:
            process.kill()
            process.wait(LONGEST)


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "pgbouncer ended"
    try:
        socket.create_connection(("127.0.0.1", port), LONGEST).close()
    except OSError:
        return False
    return True
