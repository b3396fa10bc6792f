"""``hash-token``: what the registry knows a token by."""

import getpass
import json
import re
import sys

from addons.foundry.caller import SCOPE, token_hash
from addons.values.program import PROGRAM
from addons.verifiers.grant import SUBJECT_PATTERN
from addons.verifiers.well_formed import GRAMMAR, LONGEST_TOKEN


def hash_token(subject: str | None) -> int:
    """Reads one token from standard input, without an echo on a terminal, and prints its SHA-256.

    A line's end is no part of the token (``echo token | sha256sum`` would hash it too). With ``subject`` a whole row
    of the registry is printed, with the scope that calls need.
    """
    if subject is not None and not re.fullmatch(SUBJECT_PATTERN, subject):
        print(f"{PROGRAM} hash-token: a subject is printable ASCII of 1 to 256 characters", file=sys.stderr)
        return 2
    if sys.stdin.isatty():
        token = getpass.getpass("Token (not shown): ", sys.stderr)
    else:
        token = sys.stdin.read(2 * LONGEST_TOKEN)
    token = token.strip()
    if not re.fullmatch(GRAMMAR, token) or len(token) > LONGEST_TOKEN:
        print(
            f"{PROGRAM} hash-token: that is no bearer token: one line of at most {LONGEST_TOKEN} characters"
            " A-Z a-z 0-9 - . _ ~ + / and a trailing =",
            file=sys.stderr,
        )
        return 2
    sha256 = token_hash(token)
    # JSON's strings are YAML's too, whatever the subject holds.
    print(sha256 if subject is None else f"- {{sha256: {sha256}, subject: {json.dumps(subject)}, scopes: [{SCOPE}]}}")
    return 0
