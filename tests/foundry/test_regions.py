"""A region's name decides its host."""

from typing import get_args

from addons.foundry.regions import REGION_HOSTS, Region


def test_every_region_has_the_host_of_its_name() -> None:
    for region in get_args(Region.__value__):
        name = "api.openai.com" if region == "global" else f"{region}.api.openai.com"
        assert REGION_HOSTS[region] == name


def test_no_other_region_has_one() -> None:
    assert REGION_HOSTS.keys() == set(get_args(Region.__value__))
