"""Ports for programs that tests start."""

import socket


def free_port(host: str = "127.0.0.1") -> int:
    """One that the system gives to nobody else for a minute, and on which a server may listen at once.

    A connection that this side has closed first rests there (TIME_WAIT): the system passes over such a port where it
    chooses one by itself, and lets a server bind it that sets SO_REUSEADDR, as all of ours do.
    """
    with socket.create_server((host, 0)) as listener:
        port = int(listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)) as other:
            accepted, _ = listener.accept()
            accepted.close()
            other.recv(1)
    return port
