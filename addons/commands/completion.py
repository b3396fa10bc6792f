"""``completion``: a script by which bash and zsh complete ``./run.sh``, made of the parser's own words."""

import argparse
import shlex
from collections.abc import Iterable, Iterator
from typing import Final

from addons.values.program import PROGRAM

SCRIPT: Final = """\
# bash: source <({program} completion)   zsh: the same, after compinit
if [ -n "${{ZSH_VERSION:-}}" ]; then autoload -U +X bashcompinit && bashcompinit; fi
_foundry_sidecar() {{
  local words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    words={commands}
  else
    case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD-1]}}" in
{choices}
      *)
        case "${{COMP_WORDS[1]}}" in
{options}
        esac
        ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _foundry_sidecar run.sh sidecar
"""
"""Where no word fits, file names are offered."""


def script(parser: argparse.ArgumentParser) -> str:
    commands = _commands(parser)
    return SCRIPT.format(
        program=PROGRAM,
        commands=_words([*commands, *parser._option_string_actions]),  # noqa: SLF001 - argparse tells its options nowhere else
        choices="\n".join(_choices(commands)),
        options="\n".join(
            f"          {name}) words={_words(each._option_string_actions)} ;;"  # noqa: SLF001 - argparse tells them nowhere else
            for name, each in commands.items()
        ),
    )


def _choices(commands: dict[str, argparse.ArgumentParser]) -> Iterator[str]:
    """What may stand behind an option that takes a value, or behind a command that takes one of some words."""
    for name, command in commands.items():
        for action in command._actions:  # noqa: SLF001 - argparse tells them nowhere else
            if action.choices or (action.option_strings and action.nargs != 0):
                before = [shlex.quote(f"{name} {word}") for word in action.option_strings or [name]]
                yield f"      {' | '.join(before)}) words={_words(map(str, action.choices or ()))} ;;"


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (found,) = (action.choices for action in parser._actions if isinstance(action.choices, dict))  # noqa: SLF001 - argparse tells them nowhere else
    return dict(found)


def _words(words: Iterable[str]) -> str:
    return shlex.quote(" ".join(words))
