import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from addons.provider_credentials.credential import CredentialError
from addons.provider_credentials.workload_identity import WorkloadIdentity
from tests.provider_credentials.endpoint import SUBJECT_TOKEN, Endpoint, exchanging, issued, refused
from tests.values.odd_files import ODD_FILES, put
from tests.verifiers.servers import Reply

DOWN: Reply = (503, "")


def run(main: Coroutine[Any, Any, None]) -> None:
    asyncio.run(main)


async def got(credential: WorkloadIdentity) -> str:
    """The token, or why there is none. What is under way in the background is brought to its end."""
    try:
        found = (await credential.bearer()).decode()
    except CredentialError as error:
        found = f"none: {error}"
    assert SUBJECT_TOKEN not in found
    if credential._exchange is not None:
        await credential._exchange
    return found


# each story: what the endpoint says in turn; then (second, what a call gets, requests so far)
STORIES: dict[str, tuple[list[Reply], list[tuple[float, str, int]]]] = {
    "had when first needed, then kept": ([issued("a")], [(0, "a", 1), (2399, "a", 1)]),
    "renewed 20 minutes before its end, off the call's path": (
        [issued("a"), issued("b")],
        [(2400, "a", 1), (4801, "a", 2), (4802, "b", 2)],
    ),
    "renewed at half its life where that is later": (
        [issued("a", 60), issued("b", 60)],
        [(0, "a", 1), (29.9, "a", 1), (30, "a", 2), (31, "b", 2)],
    ),
    "a call waits where the last one is over": ([issued("a", 60), issued("b", 60)], [(0, "a", 1), (60, "b", 2)]),
    "the last good one is used while it is valid, and no longer": (
        [issued("a", 60), DOWN, DOWN, issued("c", 60)],
        [(0, "a", 1), (30, "a", 2), (31.5, "a", 3), (59.9, "a", 4), (60, "c", 4)],
    ),
    "never a stale one": (
        [issued("a", 60), DOWN],
        [(0, "a", 1), (60, "none: ", 2), (60.5, "none: ", 2), (61, "none: ", 3)],
    ),
    "a failing endpoint is asked after 1, 2, 4 … 60 seconds": (
        [DOWN],
        [
            *((at, "none: ", asked) for at, asked in ((0, 1), (0.9, 1), (1, 2), (2.9, 2), (3, 3), (6.9, 3), (7, 4))),
            *((at, "none: ", asked) for at, asked in ((15, 5), (31, 6), (63, 7), (122.9, 7), (123, 8), (183, 9))),
        ],
    ),
    "the pause is short again after a success": (
        [DOWN, DOWN, issued("a", 10), DOWN],
        [(0, "none: ", 1), (1, "none: ", 2), (3, "a", 3), (13, "none: ", 4), (14, "none: ", 5)],
    ),
    "a token that was over when it came": ([issued("a", 1e-9), issued("b")], [(0, "a", 1)]),
}  # fmt: skip


@pytest.mark.parametrize(("replies", "steps"), STORIES.values(), ids=STORIES)
def test_stories(tmp_path: Path, replies: list[Reply], steps: list[tuple[float, str, int]]) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, *replies) as endpoint:
            credential = endpoint.credential()
            for endpoint.now, expected, asked in steps:
                found = await got(credential)
                assert (endpoint.now, found[: len(expected)], endpoint.asked) == (endpoint.now, expected, asked)

    run(main())


def test_many_calls_at_once_exchange_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued("a")) as endpoint:
            credential = endpoint.credential()
            assert set(await asyncio.gather(*(credential.bearer() for _ in range(50)))) == {b"a"}
            assert endpoint.asked == 1
            endpoint.now = 3000
            assert set(await asyncio.gather(*(credential.bearer() for _ in range(50)))) == {b"a"}
            await got(credential)
            assert endpoint.asked == 2

    run(main())


def test_a_caller_that_hangs_up_takes_the_exchange_from_no_one_else(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued("a")) as endpoint:
            credential = endpoint.credential()
            first, second = (asyncio.create_task(credential.bearer()) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            assert await second == b"a"
            assert endpoint.asked == 1

    run(main())


def test_a_slow_endpoint_has_its_deadline(tmp_path: Path) -> None:
    async def never(_: object) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        async with exchanging(tmp_path, never) as endpoint:
            credential = endpoint.credential(deadline_seconds=0.2)
            assert (await got(credential)).startswith("none: workload identity")

    run(main())


async def _nobody(endpoint: Endpoint) -> dict[str, Any]:
    return {"url": "https://127.0.0.1:1/oauth/token"}


async def _unknown_authority(endpoint: Endpoint) -> dict[str, Any]:
    return {"trusted_ca": None}


async def _another_name(endpoint: Endpoint) -> dict[str, Any]:
    return {"url": endpoint.settings.url.replace("127.0.0.1", "localhost")}


@pytest.mark.parametrize("change", [_nobody, _unknown_authority, _another_name])
def test_an_endpoint_that_is_not_there_or_not_it_gets_no_token(
    tmp_path: Path, change: Callable[[Endpoint], Coroutine[Any, Any, dict[str, Any]]]
) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued()) as endpoint:
            credential = endpoint.credential(**await change(endpoint))
            assert (await got(credential)).startswith("none: workload identity")
            assert endpoint.asked == 0

    run(main())


def test_the_pods_token_is_read_at_each_exchange(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued("a", 60), issued("b", 60)) as endpoint:
            credential = endpoint.credential()
            await got(credential)
            (tmp_path / "token").write_text("the-next-token\n")
            endpoint.now = 60
            await got(credential)
            sent = [json.loads(request.body)["subject_token"] for request in endpoint.served.requests]
            assert sent == [SUBJECT_TOKEN, "the-next-token"]

    run(main())


@pytest.mark.parametrize(("make", "message"), ODD_FILES.values(), ids=ODD_FILES)
def test_an_odd_file_in_place_of_the_pods_token(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued("a", 60)) as endpoint:
            credential = endpoint.credential()
            assert await got(credential) == "a"
            put(make, tmp_path / "token")
            endpoint.now = 60
            assert (await got(credential)).startswith("none: ")
            assert endpoint.asked == 1
            with pytest.raises(ValueError, match=r"token_file: file .*token"):
                endpoint.credential()

    run(main())


@pytest.mark.parametrize("content", ["", " \n", "two\nlines"], ids=["empty", "blank", "lines"])
def test_a_token_that_is_none_is_an_error_at_start(tmp_path: Path, content: str) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued()) as endpoint:
            (tmp_path / "token").write_text(content)
            with pytest.raises(ValueError, match=r"^token_file: file .*token"):
                endpoint.credential()

    run(main())


def test_readiness_and_alarm(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, refused(400), refused(403, "access_denied"), issued("a")) as endpoint:
            credential = endpoint.credential()
            url = endpoint.settings.url
            for endpoint.now, why, raised in (
                (0, [f"workload identity, {url}: status 400 (invalid_grant)"], 1),
                (0.5, [f"workload identity, {url}: status 400 (invalid_grant)"], 1),
                (1, [f"workload identity, {url}: status 403 (access_denied)"], 2),
                (3, [], 2),
            ):
                assert await credential.missing() == why
                assert endpoint.alarms.names == ["provider_identity"] * raised

    run(main())


def test_a_renewal_that_fails_raises_the_alarm_though_calls_go_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued("a", 60), DOWN) as endpoint:
            credential = endpoint.credential()
            await got(credential)
            endpoint.now = 30
            assert await got(credential) == "a"
            assert await credential.missing() == []
            assert endpoint.alarms.names == ["provider_identity"]

    run(main())


def test_what_the_provider_did_not_accept_is_not_sent_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchanging(tmp_path, issued("a"), issued("b")) as endpoint:
            credential = endpoint.credential()
            assert await got(credential) == "a"
            credential.refused(b"another")
            assert await got(credential) == "a"
            credential.refused(b"a")
            assert (await got(credential)).endswith("the provider did not accept the token")
            assert endpoint.asked == 1, "a provider that accepts none must not have the endpoint asked for each call"
            endpoint.now = 1
            assert await got(credential) == "b"
            assert endpoint.alarms.names == ["provider_identity"]

    run(main())
