"""Where the shared ledger may be, and that libpq reads nothing of its own."""

import pytest

from addons.usage.dsn import DsnError, connection_parameters

RIGHT = "postgresql://sidecar@db.example:6432/usage?sslmode=verify-full"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (RIGHT, {"host": "db.example", "port": "6432", "user": "sidecar", "dbname": "usage", "sslrootcert": "system"}),
        (f"{RIGHT}&sslrootcert=/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/ca.pem"}),
        ("postgres://a%40b@127.0.0.1/c%2Fd", {"user": "a@b", "dbname": "c/d", "port": "5432", "sslmode": "disable"}),
        ("postgresql://a@[::1]/u", {"host": "::1"}),
        ("postgresql://a@localhost/u?sslmode=verify-full", {"sslmode": "verify-full", "sslrootcert": "system"}),
        ("postgresql://a@localhost/u?sslmode=require", {"sslmode": "require", "sslrootcert": "/dev/null/none"}),
    ],
)
def test_a_right_one(url: str, expected: dict[str, str]) -> None:
    found = connection_parameters(url, secret=False)
    assert {name: found[name] for name in expected} == expected
    assert (found["passfile"], found["target_session_attrs"]) == ("/dev/null/none", "read-write")
    assert found["password"] == ""


def test_a_password_by_reference() -> None:
    found = connection_parameters("postgresql://a:p%2Fw@127.0.0.1/u", secret=True)
    assert found["password"] == "p/w"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory", "names no user, host and database"),
        ("mysql://a@b/c", "names no user, host and database"),
        ("postgresql://127.0.0.1/u", "names no user"),
        ("postgresql://a@127.0.0.1", "names no user, host and database"),
        ("postgresql://a@127.0.0.1:x/u", "is no URL"),
        ("postgresql://a@127.0.0.1/u?sslmode=", "takes as sslmode"),
        ("postgresql://a@127.0.0.1/u?hunter2=", "takes no parameters but"),
        ("postgresql://a:hunter2@127.0.0.1/u", "{env: NAME}"),
        ("postgresql://a@db.example/u", "add ?sslmode=verify-full"),
        ("postgresql://a@db.example/u?sslmode=require", "add ?sslmode=verify-full"),
        ("postgresql://a@127.0.0.1,db.example/u", "add ?sslmode=verify-full"),
        ("postgresql://a@127.0.0.1/u?sslmode=hunter2", "takes as sslmode"),
        ("postgresql://a@127.0.0.1/u?sslmode=verify-ca", "takes as sslmode"),
        ("postgresql://a@127.0.0.1/u?service=hunter2", "takes no parameters but"),
        ("postgresql://a@127.0.0.1/u?options=-c", "takes no parameters but"),
    ],
)
def test_a_wrong_one(url: str, says: str) -> None:
    with pytest.raises(DsnError) as caught:
        connection_parameters(url, secret=False)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_nothing_that_a_pooler_refuses() -> None:
    """pgbouncer takes no ``options`` unless it is told to."""
    assert "options" not in connection_parameters(RIGHT, secret=False)
