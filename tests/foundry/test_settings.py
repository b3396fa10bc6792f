"""The section ``models`` as it is written again, such as for a hash of it."""

from typing import Any

import pytest

from addons.foundry.settings import ModelsSettings
from tests.conftest import MODEL


@pytest.mark.parametrize(
    "row",
    [{"rid": MODEL}, {"rid": MODEL, "output_cap": 5}, {"rid": MODEL, "regions": ["eu"], "shutdown": "2027-01-14"}],
)
def test_a_row_names_no_member_that_was_not_written(row: dict[str, Any]) -> None:
    assert ModelsSettings.model_validate({"extra": [row]}).model_dump(mode="json")["extra"] == [row]
