"""What a person at a terminal needs to make a first call: where, under which rules, and lines to copy."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from addons.foundry.paths import PATH

HERE: Final = frozenset(("localhost", "127.0.0.1"))
PROXY_VARIABLES: Final = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
MODEL: Final = "ri.language-model-service..language-model.gpt-5-2"


@dataclass(frozen=True, slots=True)
class Listening:
    """A sidecar that listens.

    ``addresses`` are HOST:PORT: the reverse listener's, then the explicit proxy's where there is one. ``token`` is
    what the lines to copy carry; the shell's ``$TOKEN`` where the person brings one. ``inspect_url`` is mitmweb's
    page, with the token it asks for.
    """

    addresses: Sequence[str]
    authority: str  # file with the certificate of the sidecar's own authority
    policy: str = ""
    verifier: str = ""
    regions: Sequence[str] = ()
    token: str | None = None
    inspect_url: str | None = None


def banner(sidecar: Listening) -> str:
    """The whole banner; every line to copy stands alone and runs as it is."""
    return "\n".join([*_state(sidecar), "", "== Try it by hand", *try_by_hand(sidecar), ""])


def _state(sidecar: Listening) -> Iterator[str]:
    reverse, *proxies = sidecar.addresses
    yield f"The Foundry sidecar listens on {reverse} (HTTP, and TLS on the same port)."
    for proxy in proxies:
        yield f"  proxy     {proxy}, for HTTPS_PROXY"
    yield f"  policy    {sidecar.policy}"
    yield f"  verifier  {sidecar.verifier}"
    yield f"  provider  {', '.join(sidecar.regions)}"
    if sidecar.inspect_url:
        yield f"  look at the traffic: {sidecar.inspect_url}"
        yield "    filters: ~marker no_entry (refused), ~marker boom (failed), ~hs event-stream (streamed),"
        yield "    ~comment NAME (model or project), ~meta RID (anything in the record)"


def proxy_variable(environment: Mapping[str, str]) -> str | None:
    """The variable that would have clients on this machine ask a proxy for the sidecar, where there is one."""
    spared = {name.strip() for name in (environment.get("no_proxy") or environment.get("NO_PROXY") or "").split(",")}
    if "*" in spared or spared >= HERE:
        return None
    return next((name for name in PROXY_VARIABLES if environment.get(name)), None)


def try_by_hand(sidecar: Listening) -> Iterator[str]:
    """Lines for curl, Python, TypeScript and Codex."""
    if variable := proxy_variable(os.environ):
        yield f"   export NO_PROXY=localhost,127.0.0.1   # {variable} is set, and would get these calls"
        yield ""
    address = sidecar.addresses[0]
    port = address.rpartition(":")[2]
    base = f"http://{address}{PATH.removesuffix('/responses')}"
    if not sidecar.token:
        yield "   export TOKEN=…   # a Foundry token that the verifier accepts"
        yield ""
    shell = sidecar.token or "$TOKEN"
    python = repr(sidecar.token) if sidecar.token else "os.environ['TOKEN']"
    script = f"'{sidecar.token}'" if sidecar.token else "process.env.TOKEN"
    yield "   curl:"
    yield f'   curl -X POST -H "Content-Type: application/json" -H "Authorization: Bearer {shell}" \\'
    yield f"     http://{address}{PATH} \\"
    yield f'     -d \'{{"model": "{MODEL}", "input": "Hello, world"}}\''
    yield ""
    yield "   Python, openai:"
    yield "   import os; from openai import OpenAI"
    yield f"   client = OpenAI(base_url='{base}', api_key={python})"
    yield f"   print(client.responses.create(model='{MODEL}', input='Hello, world').output_text)"
    yield ""
    yield "   Python, foundry_sdk (it speaks https alone):"
    yield f"   export SSL_CERT_FILE={sidecar.authority}"
    yield "   import os; from foundry_sdk._core.context_and_environment_vars import HOSTNAME_VAR, TOKEN_VAR"
    yield f"   HOSTNAME_VAR.set('localhost:{port}'); TOKEN_VAR.set({python})"
    yield "   # … and Palantir's documented example as it stands"
    yield ""
    yield "   TypeScript, openai:"
    yield "   import OpenAI from 'openai';"
    yield f"   const client = new OpenAI({{ baseURL: '{base}', apiKey: {script} }});"
    yield f"   const answer = await client.responses.create({{ model: '{MODEL}', input: 'Hello, world' }});"
    yield ""
    yield "   Codex:"
    if sidecar.token:
        yield f"   export TOKEN={sidecar.token}"
    provider = f'{{name="Foundry", base_url="{base}", env_key="TOKEN", wire_api="responses"}}'
    yield f"   codex -m {MODEL} -c web_search=disabled \\"
    yield f"     -c model_provider=foundry -c 'model_providers.foundry={provider}'"
