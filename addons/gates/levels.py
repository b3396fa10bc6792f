"""Towards whom a call counts: the enrollment, projects, its caller. One rule for limits a minute and for budgets.

Attribution is the caller's claim: a project that is not in the configuration by its own RID may have been made up, so
such a call counts towards its caller too. Those that nobody granted count as one, or a caller could have a fresh one
for each call by a new name.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from addons.foundry.permits import Level

OTHERS: Final = "others"
"""What the projects count as that are neither configured nor granted to the caller. No RID is written so."""


def known_projects(
    attribution: Collection[str], configured: Collection[str], granted: Collection[str]
) -> tuple[tuple[str, ...], bool]:
    """Those of the named projects that are configured or granted, and whether others are named besides."""
    known = tuple([rid for rid in attribution if rid in configured or rid in granted])
    return known, len(known) < len(attribution)


def levels[Entry](
    subject: str,
    projects: tuple[tuple[str, ...], bool],
    enrollment: Entry,
    project: Mapping[str, Entry],
    user: Mapping[str, Entry],
) -> Iterator[tuple[Level, str, Entry | None]]:
    """Each level that a call of ``subject`` counts towards, whose it is, and what the settings say of it.

    ``projects`` are as ``known_projects`` tells them.
    """
    known, others = projects
    default = project.get("default")
    yield "ENROLLMENT", "", enrollment
    for rid in known:
        yield "PROJECT", rid, project.get(rid, default)
    if others:
        yield "PROJECT", OTHERS, default
    if others or not known or not project.keys() >= set(known):
        yield "USER", subject, user.get(subject, user.get("default"))
