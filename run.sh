#!/usr/bin/env bash
# Finds a Python, sets up .venv from the pinned requirements when they changed, and passes on to `python -m addons`.
#   SIDECAR_PYTHON  the Python to use, instead of looking for one
#   SIDECAR_VENV    where .venv lies instead; an environment made by other means is used as it is
# Exit codes: 0, 1 for a failure, 2 for wrong usage or configuration, 130 where Ctrl-C cut a command short.
# stdout belongs to the command; all else is on stderr.
# Keeps to bash 3.2, which macOS still ships.
set -euo pipefail

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
venv=${SIDECAR_VENV:-$root/.venv}
[[ $venv == /* ]] || venv=$PWD/$venv
pyenv=${PYENV_ROOT:-${HOME:-}/.pyenv}
runtime_pins=$root/deploy/requirements.txt
test_pins=$root/tests/requirements.txt # a superset: one environment serves both
ours=$venv/run.sh.lock                 # there from the first moment of an environment that this script makes
installed=$venv/run.sh.pins            # the requirements as installed; there only when the set-up came to its end

say() { printf '%s\n' "$@" >&2; }
fail() {
  say "run.sh: $2" "${@:3}"
  exit "$1"
}

# Prints "fit PATH", or what is wrong. Runs on any Python; ignores modules lying in the user's directory.
probe='
import sys
version = "%d.%d.%d" % sys.version_info[:3]
if sys.version_info < (3, 13):
    print(version + ", too old")
    sys.exit()
sys.path[:] = [entry for entry in sys.path if entry]
try:
    import ensurepip, os, sysconfig, venv
except ImportError:
    print(version + ", cannot make virtual environments: apt install python%d.%d-venv" % sys.version_info[:2])
    sys.exit()
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    print(version + ", a free-threaded build, for which the pinned packages have no wheels")
else:
    print("fit " + os.path.realpath(sys.executable))
'
judge() {
  local answer
  answer=$("$1" -E -c "$probe" </dev/null 2>&1) || answer="does not run: ${answer%%$'\n'*}"
  printf '%s\n' "$answer"
}

# The versions the pins are tested with come first; 3.15 may have to compile some of them.
candidates() {
  local name
  for name in python3.13 python3.14 python3.15 python3 python; do type -aP "$name" || true; done
  for name in "$pyenv"/versions/*/bin/python3 "${HOME:-}"/.local/bin/python3.1[3-9] \
    /usr/local/bin/python3{,.1[3-9]} /opt/{,*/}bin/python3{,.1[3-9]}; do
    if [[ -x $name ]]; then printf '%s\n' "$name"; fi
  done
  uv python find --system '>=3.13' || true
}

# Sets `python`, or ends the script.
find_python() {
  local candidate answer looked_at=()
  if [[ -n ${SIDECAR_PYTHON:-} ]]; then
    answer=$(judge "$SIDECAR_PYTHON")
    [[ $answer == 'fit '* ]] || fail 2 "SIDECAR_PYTHON=$SIDECAR_PYTHON is not fit: $answer." \
      "Name a Python 3.13 or newer, or unset SIDECAR_PYTHON to have one looked for."
    python=${answer#fit }
    return
  fi
  while IFS= read -r candidate; do
    answer=$(judge "$candidate")
    if [[ $answer == 'fit '* ]]; then
      python=${answer#fit }
      return
    fi
    looked_at+=("  $candidate: $answer")
  done < <(candidates 2>/dev/null | awk '!seen[$0]++')
  fail 2 "found no Python 3.13 or newer. Looked for python3.13 to 3.15, python3 and python on PATH, then in" \
    "$pyenv/versions, ~/.local/bin, /usr/local and /opt, and asked uv:" \
    "${looked_at[@]:-  nothing was found}" \
    "Install one (apt install python3.13 python3.13-venv, brew install python@3.13, uv python install 3.13," \
    "pyenv install 3.13), or name one: SIDECAR_PYTHON=/path/to/python3.13 ./run.sh …"
}

# ready PINS…: the environment is set up from one of these, with SIDECAR_PYTHON where that is given.
ready() {
  local pins
  [[ -x $venv/bin/python ]] || return 1
  if [[ -n ${SIDECAR_PYTHON:-} ]]; then grep -qxF "executable = $python" "$venv/pyvenv.cfg" || return 1; fi
  for pins in "$@"; do
    if cmp -s "$pins" "$installed"; then return 0; fi
  done
  return 1
}

# pip's output goes to a log, its latest line to the terminal.
install() {
  local line log=$venv/run.sh.log
  "$venv/bin/python" -I -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r "$1" \
    </dev/null 2>&1 | tee -- "$log" | while IFS= read -r line; do
    if [[ -t 2 ]]; then printf '\033[K  %.76s\r' "$line" >&2; fi
  done || {
    tail -n 20 -- "$log" >&2
    fail 1 "installing $1 failed; see above and $log. Run the same again to start over."
  }
  if [[ -t 2 ]]; then printf '\033[K' >&2; fi
}

# set_up PINS…: makes the environment from the first, unless it is ready with one of them.
set_up() {
  local lock='import fcntl, sys; fcntl.flock(9, fcntl.LOCK_EX | (fcntl.LOCK_NB if "now" in sys.argv else 0))'
  if [[ -n ${SIDECAR_PYTHON:-} ]]; then find_python; fi
  if ready "$@"; then return; fi
  [[ -n ${SIDECAR_PYTHON:-} ]] || find_python
  { mkdir -p -- "$venv" && : >>"$ours"; } 2>/dev/null ||
    fail 2 "cannot write $venv. Name another place for the environment: SIDECAR_VENV=/path/to/venv ./run.sh …"
  # The lock is this shell's descriptor 9: it goes with the shell and what it started, however they end.
  exec 9>>"$ours"
  if ! "$python" -c "$lock" now 2>/dev/null; then
    say "Waiting for another run.sh to set up $venv …"
    "$python" -c "$lock"
  fi
  if ! ready "$@"; then
    say "Setting up $venv (once; takes up to a minute) …"
    # Only what the runtime lacks for the tests is added beneath a running sidecar; all else starts afresh.
    if ! ready "$runtime_pins"; then
      rm -f -- "$installed"
      find "$venv/" -mindepth 1 -maxdepth 1 ! -name run.sh.lock -exec rm -rf -- {} +
      "$python" -I -m venv -- "$venv" || fail 1 "could not make $venv with $python; see above."
    fi
    rm -f -- "$installed"
    install "$1"
    cp -- "$1" "$installed.new"
    mv -- "$installed.new" "$installed"
  fi
  exec 9>&-
}

case ${1:-} in
  test | bench | evidence) wanted=("$test_pins") ;;
  *) wanted=("$runtime_pins" "$test_pins") ;;
esac
if [[ -e $ours || ! -e $venv || -z $(ls -A -- "$venv") ]]; then
  set_up "${wanted[@]}"
elif [[ -z ${SIDECAR_VENV:-} ]]; then
  fail 2 "$venv was not made by run.sh. Remove it, or use it as it is: SIDECAR_VENV=$venv ./run.sh …"
elif [[ ! -x $venv/bin/python ]]; then
  fail 2 "SIDECAR_VENV=$venv is neither a virtual environment nor an empty folder to make one in."
fi

export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"
if [[ ${1:-} == test ]]; then
  cd -- "$root"
  # On all cores, unless told otherwise; the tests of one file stay on one.
  parallel=(-n auto --dist loadfile)
  for word in "${@:2}"; do
    if [[ $word == -n* || $word == --numprocesses* || $word == --pdb ]]; then parallel=(-n 0); fi
  done
  export PYTHONHASHSEED="${PYTHONHASHSEED:-0}" # the names of some tests hold sets, and must be the same on all cores
  # pytest's further codes (interrupted, wrong usage, no tests) all mean 2 here.
  exec "$venv/bin/python" -P -c 'import pytest, sys; sys.exit(min(pytest.main(), 2))' \
    -c "$root/pyproject.toml" --rootdir "$root" "${parallel[@]}" "${@:2}"
fi
if [[ ${1:-} == bench || ${1:-} == evidence ]]; then exec "$venv/bin/python" -P -m "tests.$1" "${@:2}"; fi
exec "$venv/bin/python" -P -m addons "$@"
