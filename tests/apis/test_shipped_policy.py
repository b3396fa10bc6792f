"""The page of the policy as it is shipped, which a reviewer of each change sees."""

from datetime import date

from addons.commands import policy
from addons.configuration import loading
from tests.commands.program import ROOT


def test_the_page_is_the_policy() -> None:
    """So that what may leave never changes without a line there."""
    settings = loading.load(None)
    told = "\n".join(policy.FORMS["md"]("", policy.about(settings, None, date.max), policy.rows(settings, None)))
    shipped = [each.strip() for each in told.split("\n## ")[1:] if not each.startswith("Models\n")]
    written = (ROOT / "docs" / "policy.md").read_text().split("\n## ")[1:]
    assert [each.strip() for each in written] == shipped, "docs/policy.md says how it is made"
