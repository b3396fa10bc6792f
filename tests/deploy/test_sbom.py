"""The bill of materials names what is installed, once each and by hashes."""

import re
from importlib.metadata import version

from tests.deploy.sbom import PINS, sbom

PIN = """aioquic==1.2.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via mitmproxy
pydivert==2.1.0 ; sys_platform == 'win32' \\
    --hash=sha256:{a}
mitmproxy-linux==0.12.15 ; sys_platform == 'linux' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64)


def test_pins_become_components() -> None:
    found = sbom(PIN)["components"]
    assert [each["purl"] for each in found] == ["pkg:pypi/aioquic@1.2.0", "pkg:pypi/mitmproxy-linux@0.12.15"]
    assert [[each["content"][0] for each in one["hashes"]] for one in found] == [["a", "b"], ["b"]]


def test_the_image_s_pins() -> None:
    text = PINS.read_text()
    document = sbom(text)
    assert document == sbom(text)
    assert len(document["components"]) == len(set(document["dependencies"][0]["dependsOn"]))
    pinned = re.findall(r"^[a-z][^=]*==", text, re.MULTILINE)
    elsewhere = re.findall(r"== '(?:win32|darwin|nt)'", text)
    assert len(document["components"]) == len(pinned) - len(elsewhere)
    for each in document["components"]:
        assert version(each["name"]) == each["version"]
        assert all(re.fullmatch("[0-9a-f]{64}", digest["content"]) for digest in each["hashes"])
        assert each["hashes"]
