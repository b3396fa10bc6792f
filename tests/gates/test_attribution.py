import pytest

from addons.gates.attribution import attribute
from tests.gates.calls import call, refused_by, through

ONE, TWO = "ri.compass.main.folder.1", "ri.compass.main.folder.2"


@pytest.mark.parametrize(
    ("values", "resources"),
    [
        (None, ()),
        (("",), ()),
        ((ONE,), (ONE,)),
        ((f"{ONE}, {TWO}",), (ONE, TWO)),
        ((ONE, TWO), (ONE, TWO)),
        ((f"{ONE},{ONE}",), (ONE,)),
    ],
)
def test_read(values: tuple[str, ...] | None, resources: tuple[str, ...]) -> None:
    headers = {} if values is None else {"attribution": values}
    assert through(attribute, call(headers)).attribution == resources


@pytest.mark.parametrize("value", ["x", f"{ONE} {TWO}", f"{ONE};{TWO}", f"{ONE}, x"])
def test_refused(value: str) -> None:
    given = refused_by(attribute, call({"attribution": (value,)}))
    assert (given.name, given.param) == ("invalid_attribution", "attribution")
