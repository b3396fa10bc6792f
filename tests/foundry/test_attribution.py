"""Attribution headers, as the SDKs and others write them."""

import pytest

from addons.foundry.attribution import MAX_RESOURCES, MAX_RID_LENGTH, read_attribution
from addons.foundry.refusals import Refusal

A = "ri.compass.main.folder.1f6c2c5e-6d0b-4c2a-9a55-0d6a3b1f2c33"
B = "ri.foundry.main.dataset.b"
C = "ri.language-model-service..language-model.gpt-4.1"  # empty instance, dot in the locator
LONGEST = "ri.a..b." + "c" * (MAX_RID_LENGTH - len("ri.a..b."))
MANY = [f"ri.a..b.{i}" for i in range(MAX_RESOURCES)]


@pytest.mark.parametrize(
    ("values", "resources"),
    [
        ([], ()),
        ([""], ()),
        ([" \t", ","], ()),
        ([A], (A,)),
        ([f"{A}, {B}"], (A, B)),
        ([f"{A},{B}\t,  {C} "], (A, B, C)),
        ([B, A], (B, A)),
        ([f"{A}, {B}", f"{B},{A},{C}"], (A, B, C)),
        ([f",{A},,{B},"], (A, B)),
        ([LONGEST], (LONGEST,)),
        ([",".join(MANY)], tuple(MANY)),
        ([",".join(MANY + MANY)], tuple(MANY)),
    ],
)
def test_read(values: list[str], resources: tuple[str, ...]) -> None:
    assert read_attribution(values) == resources


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["nonsense"], "Element 1 of the attribution header, 'nonsense', is not"),
        ([f"{A}, {B} x"], "Element 2 of the attribution header, 'ri.foundry.main.dataset.b x', is not"),
        ([A, f"{B};{C}"], "Element 2 "),
        ([f"{A},,ri.A..b.c"], "Element 2 "),
        ([A.upper()], "Element 1 "),
        (["ri.a..b."], "Element 1 "),
        (["ri.a.b.c"], "Element 1 "),
        ([f'"{A}"'], "Element 1 "),
        (["ri.a..b.c\n"], "'ri.a..b.c?'"),
        (["é\x00" + "x" * 100], "'??" + "x" * 61 + "…'"),
        ([LONGEST + "c"], "at most 256 characters"),
        ([",".join([*MANY, A])], "names 33 resources, but at most 32"),
    ],
)
def test_refused(values: list[str], said: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_attribution(values)
    assert said in caught.value.message
    assert len(caught.value.message) < 300
    assert (caught.value.name, caught.value.parameters) == ("invalid_attribution", {"header": "attribution"})
