#!/usr/bin/env bash
# Runs the steps of deploy/Dockerfile on this machine, without a container engine: installs the pinned packages into a
# fresh environment, then starts the sidecar as another user over a tree that user cannot write, asks for its
# readiness, and ends it by SIGTERM. Needs root (to become another user), Linux, curl and Python 3.13: SIDECAR_PYTHON.
# Exit codes: 0, 1 for a failure, 2 where it cannot be tried here.
set -euo pipefail

user=65532
root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
python=${SIDECAR_PYTHON:-python3.13}
[[ $(id -u) == 0 ]] || { echo "try-image.sh: not run: only root can become user $user" >&2; exit 2; }
for tool in "$python" setpriv curl; do
  command -v "$tool" >/dev/null || { echo "try-image.sh: not run: $tool is missing" >&2; exit 2; }
done

image=$(mktemp -d)
sidecar=
trap '[[ -z $sidecar ]] || kill -KILL "$sidecar" 2>/dev/null || true; rm -rf -- "$image"' EXIT
chmod 755 "$image"
umask 022

# A Python in somebody's home is out of the other user's reach: then a copy of it is tried.
as_user=(setpriv --reuid "$user" --regid "$user" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all)
if ! "${as_user[@]}" "$python" -c '' 2>/dev/null; then
  cp -rp -- "$("$python" -c 'import sys; print(sys.base_prefix)')" "$image/python"
  python=$image/python/bin/python3
  export LD_LIBRARY_PATH=$image/python/lib
fi
"$python" -m venv "$image/venv"
"$image/venv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check \
  --require-hashes --only-binary :all: -r "$root/deploy/requirements.txt"
"$image/venv/bin/python" -m pip uninstall --quiet --yes pip
mkdir "$image/sidecar" "$image/etc" "$image/secrets" "$image/state"
(cd "$root" && tar -cf - --exclude=__pycache__ addons) | tar -C "$image/sidecar" -xf - --no-same-owner --no-same-permissions
"$image/venv/bin/python" -m compileall -q "$image/sidecar"
echo "$(du -smc "$image/venv" "$image/sidecar" | tail -n 1 | cut -f1) MB on top of the base image"

# What the ConfigMap, the Secret and the emptyDir hold.
printf 'sk-only-for-trying' >"$image/secrets/openai-key"
printf -- '- {sha256: %s, subject: app, scopes: ["api:use-language-models-execute"]}\n' \
  "$(printf 'a-token' | sha256sum | cut -d' ' -f1)" >"$image/secrets/tokens.yaml"
sed -e "s:/etc/sidecar-secrets:$image/secrets:; s:/var/lib/sidecar:$image/state:" \
  -e 's:127.0.0.1\:8080:127.0.0.1\:0:; s:0.0.0.0\:8090:127.0.0.1\:0:' "$root/deploy/static-key/sidecar.yaml" >"$image/etc/sidecar.yaml"
chown -R "$user:$user" "$image/state" "$image/secrets"
chmod -R a-w "$image/sidecar" "$image/venv" "$image/etc"

cd /
env -i PATH=/usr/bin:/bin ${LD_LIBRARY_PATH:+"LD_LIBRARY_PATH=$LD_LIBRARY_PATH"} HOME="$image/state" PYTHONPATH="$image/sidecar" PYTHONDONTWRITEBYTECODE=1 \
  "${as_user[@]}" "$image/venv/bin/python" -P -m addons start --config "$image/etc/sidecar.yaml" >"$image/log" 2>&1 &
sidecar=$!

address=
for _ in {1..300}; do
  address=$(sed -n 's/.*"address": "\([^"]*\)", "event": "admin_listening".*/\1/p' "$image/log")
  if [[ -n $address ]] && curl -fsS "http://$address/readyz" 2>/dev/null; then break; fi
  kill -0 "$sidecar" 2>/dev/null || { cat "$image/log"; exit 1; }
  address=
  sleep 0.1
done
[[ -n $address ]] || { cat "$image/log"; echo "try-image.sh: it never became ready" >&2; exit 1; }
grep -E '^(Uid|VmRSS|VmHWM)' "/proc/$sidecar/status"
written=$(find "$image/venv" "$image/sidecar" "$image/etc" -newer "$image/etc/sidecar.yaml" -type f | head -n 3)
[[ -z $written ]] || { echo "try-image.sh: wrote into its own tree: $written" >&2; exit 1; }

kill -TERM "$sidecar"
wait "$sidecar" || { cat "$image/log"; echo "try-image.sh: it did not end with 0" >&2; exit 1; }
sidecar=
echo "it came up as user $user over a read-only tree, was ready, and ended with 0 at SIGTERM"
