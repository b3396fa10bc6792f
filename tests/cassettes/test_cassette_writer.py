"""The file as it is written."""

import resource
import stat
from pathlib import Path

import pytest

from addons.cassettes.cassette import CassetteError, read
from addons.cassettes.cassette_writer import CassetteWriter, CollectedCall, split
from tests.records import Records
from tests.waiting import eventually

JSON = (("content-type", "application/json"),)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    writer = CassetteWriter(tmp_path / "calls.jsonl", "kept")
    writer.start()
    for number in range(3):
        writer.add(CollectedCall("responses", b'{"input": %d}' % number, 200, JSON, 1.0, [(2.0, b"{}")], whole=True))
    writer.close()
    assert stat.S_IMODE(writer.path.stat().st_mode) == 0o600
    assert [call.request for call in read(writer.path).calls.values()] == [{"input": number} for number in range(3)]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("mine")
    with pytest.raises(CassetteError, match="the file exists"):
        CassetteWriter(file, "kept").start()
    assert file.read_text() == "mine"
    with pytest.raises(CassetteError, match="folder does not exist"):
        CassetteWriter(tmp_path / "nowhere" / "calls.jsonl", "kept").start()


def test_what_can_not_be_written_is_told(tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("addons.cassettes.cassette_writer.MOST_KEPT", 10)
    writer = CassetteWriter(tmp_path / "calls.jsonl", "redacted")
    writer.start()
    for body, answer in ((b'["secret"]', b"{}"), (b"not JSON", b"{}"), (b"{}", b"x" * 11), (b"{}", b"{}")):
        collected = CollectedCall("responses", body, 200, JSON, 1.0, whole=True)
        collected.add_chunk(2.0, answer)
        writer.add(collected)
    writer.close()
    told = [record["why"] for record in records.of("call_not_recorded")]
    assert told == ["ValidationError", "JSONDecodeError", "its answer is larger than 10 bytes"]
    assert len(read(writer.path).calls) == 1


@pytest.mark.parametrize("room", [0, 5, 200])
def test_a_full_disk_spoils_no_later_line(tmp_path: Path, records: Records, room: int) -> None:
    """A limit of the process stands for the disk; it too lets a part of a line be written."""
    writer = CassetteWriter(tmp_path / "calls.jsonl", "kept")
    writer.start()
    collected = CollectedCall(
        "responses", b'{"input": "%b"}' % (b"x" * 1000), 200, JSON, 1.0, [(2.0, b"{}")], whole=True
    )
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (writer.path.stat().st_size + room, before[1]))
    try:
        writer.add(collected)
        eventually(lambda: records.of("call_not_recorded"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    writer.add(collected)
    writer.close()
    assert len(read(writer.path).calls) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_what_a_provider_says_of_its_key_is_never_kept(tmp_path: Path, status: int) -> None:
    body = b'{"error": {"message": "Incorrect API key provided: sk-p***9xyz.", "code": "invalid_api_key"}}'
    (piece,) = (
        CassetteWriter(tmp_path, "kept")
        .row(CollectedCall("responses", b"{}", status, JSON, 0.0, [(1.0, body)], whole=True))
        .answer.pieces
    )
    assert "sk-p" not in piece[1]
    assert "invalid_api_key" in piece[1]


@pytest.mark.parametrize(
    ("chunks", "times", "pieces", "rest"),
    [
        ([], [], [], b""),
        ([b"data: 1\n\n"], [0], [b"data: 1\n\n"], b""),
        ([b"data: 1\n", b"\ndata: 2\n\n"], [1, 1], [b"data: 1\n\n", b"data: 2\n\n"], b""),
        ([b"data: 1\n\n", b"data: 2\r\n\r\n"], [0, 1], [b"data: 1\n\n", b"data: 2\r\n\r\n"], b""),
        ([b"data: 1\n\nda", b"ta"], [0], [b"data: 1\n\n"], b"data"),
        ([b"da", b"ta"], [], [], b"data"),
    ],
)
def test_a_stream_is_cut_into_events(chunks: list[bytes], times: list[float], pieces: list[bytes], rest: bytes) -> None:
    assert split(list(zip(range(9), chunks, strict=False))) == (times, pieces, rest)
