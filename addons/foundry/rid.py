"""Resource identifiers: ``ri.<service>.<instance>.<type>.<locator>``.

The locator may hold dots, so a RID is matched as a whole and never split on every dot
(grammar: Palantir's resource-identifier library, docs/contract.md#attribution).
"""

import re
from typing import Final

RID: Final = re.compile(
    r"ri\.(?P<service>[a-z][a-z0-9-]*)"
    r"\.(?P<instance>(?:[a-z0-9][a-z0-9-]*)?)"
    r"\.(?P<type>[a-z][a-z0-9-]*)"
    r"\.(?P<locator>[A-Za-z0-9._-]+)"
)

LANGUAGE_MODEL_PREFIX: Final = "ri.language-model-service..language-model."


def is_rid(text: str) -> bool:
    """Whether the whole text is one resource identifier."""
    return RID.fullmatch(text) is not None
