"""Facts that a second look at the running server brought up."""
import http.client

import pytest

from support.builders import FIRMWARE, TASK


@pytest.fixture
def choice(world):
    """(firmware, a device of its product)."""
    product = world.product()
    return world.foreign_firmware(product), world.device(product)


@pytest.mark.parametrize(
    "terms",
    [
        [{"column": "id"}],
        [{"column": "id", "value": None}],
        [{"column": "name", "termType": "like", "value": ""}],
        [{"terms": [{"column": "id", "termType": "in"}]}],
        [{"column": "id", "termType": "nin", "value": []}],
        [{"column": "createTime", "termType": "btw", "value": []}],
        [{"value": "no column"}],
    ],
)
def test_gap_29_a_condition_without_value_never_chooses_all_devices(api, world, choice, terms):
    firmware, _ = choice
    api.refused("POST", TASK, world.task_body(firmware, terms=terms))
    assert api.count(TASK, ("firmwareId", firmware["id"])) == 0


def test_a_condition_without_value_still_filters_nothing_in_a_list(api, choice):
    firmware, _ = choice
    assert api.count(FIRMWARE, ("productId", firmware["productId"]), ("name", None)) == 1


def test_a_huge_pattern_is_refused_in_words(api):
    query = {"terms": [{"column": "name", "termType": "like", "value": "%a" * 30_000}]}
    api.refused("POST", f"{FIRMWARE}/_query", query)


@pytest.mark.parametrize("path", ["/firmware/%ff%fe", "/firmware/_count?where=name%20=%20%ff"])
def test_an_address_that_is_not_utf8_gets_an_answer_that_is(server, api, path):
    connection = http.client.HTTPConnection(*server.http.rsplit(":", 1), timeout=5)
    connection.request("GET", path, headers={"X-Access-Token": api.token})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 400
    body.decode()  # raises if it is not UTF-8
