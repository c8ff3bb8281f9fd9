"""The query language (spec 2.3) over real rows, as JSON body and as query string."""
import json
import time
import urllib.parse

import pytest

from support.api import Api
from support.builders import FIRMWARE, RECORD, World

# name, version order, description, sign method
ROWS = [
    ("alpha", 1, "first", "md5"),
    ("beta", 2, "", "sha256"),
    ("gamma 100%", 3, "third_one", "md5"),
    ("Alpha", 4, "back\\slash", "sha256"),
    ("delta", 5, "first", "md5"),
]
ALL = {row[0] for row in ROWS}
SIGN = {"md5": "0" * 32, "sha256": "0" * 64}


@pytest.fixture(scope="module")
def rows(server, admin_token):
    """(client, product) of five firmwares."""
    world = World(server, Api(server.http, token=admin_token))
    product = world.product()
    for name, order, description, method in ROWS:
        world.foreign_firmware(
            product,
            f"1.{order}",
            order,
            name=name,
            description=description,
            signMethod=method,
            sign=SIGN[method],
        )
    return world.api, product


@pytest.fixture
def names(rows):
    """names(terms, **query): the set of names of this product's firmwares that match, by POST."""
    api, product = rows

    def find(terms, **query):
        body = {
            "paging": False,
            "terms": [{"column": "productId", "value": product}, {"type": "and", "terms": terms}],
            **query,
        }
        return {row["name"] for row in api.post(f"{FIRMWARE}/_query/no-paging", body)}

    return find


def leaf(column, value, kind=None, connector=None):
    term = {"column": column, "value": value}
    return {
        **term,
        **({"termType": kind} if kind else {}),
        **({"type": connector} if connector else {}),
    }


TERM_TYPES = [
    ("eq", "name", "beta", {"beta"}),
    ("is", "name", "beta", {"beta"}),
    ("EQ", "name", "beta", {"beta"}),
    ("not", "name", "beta", ALL - {"beta"}),
    ("neq", "name", "beta", ALL - {"beta"}),
    ("like", "name", "%lpha", {"alpha", "Alpha"}),
    ("like", "name", "alpha", {"alpha"}),
    ("like", "name", "gamma 100\\%", {"gamma 100%"}),
    ("like", "description", "third\\_one", {"gamma 100%"}),
    ("like", "description", "%back\\\\slash%", {"Alpha"}),
    ("like", "name", "_eta", {"beta"}),
    ("nlike", "name", "%lpha", ALL - {"alpha", "Alpha"}),
    ("gt", "versionOrder", 3, {"Alpha", "delta"}),
    ("gte", "versionOrder", 3, {"gamma 100%", "Alpha", "delta"}),
    ("lt", "versionOrder", "3", {"alpha", "beta"}),
    ("lte", "versionOrder", 3, {"alpha", "beta", "gamma 100%"}),
    ("in", "name", ["alpha", "delta"], {"alpha", "delta"}),
    ("in", "name", "alpha,delta", {"alpha", "delta"}),
    ("in", "versionOrder", [1, "5"], {"alpha", "delta"}),
    ("nin", "name", ["alpha", "delta"], ALL - {"alpha", "delta"}),
    ("nin", "versionOrder", "1,2", ALL - {"alpha", "beta"}),
    ("in", "name", [], set()),  # hardened: never "everything" (2.3.3)
    ("btw", "versionOrder", [2, 4], {"beta", "gamma 100%", "Alpha"}),
    ("btw", "versionOrder", "2,4", {"beta", "gamma 100%", "Alpha"}),
    ("btw", "versionOrder", [2], {"beta"}),
    ("btw", "versionOrder", [2, 3, 5], {"beta", "gamma 100%"}),
    ("nbtw", "versionOrder", [2, 4], {"alpha", "delta"}),
    ("empty", "description", 1, {"beta"}),
    ("nempty", "description", 1, ALL - {"beta"}),
    ("notempty", "description", 1, ALL - {"beta"}),
    ("isnull", "name", 1, set()),
    ("notnull", "name", 1, ALL),
]


@pytest.mark.parametrize("kind, column, value, expected", TERM_TYPES)
def test_term_types(names, kind, column, value, expected):
    assert names([leaf(column, value, kind)]) == expected


@pytest.mark.parametrize("kind, column, value, expected", TERM_TYPES)
def test_term_types_in_the_query_string(rows, kind, column, value, expected):
    if value == []:
        pytest.skip("a query string cannot say an empty list")
    api, product = rows
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    query = urllib.parse.urlencode(
        {
            "paging": "false",
            "current": "1",
            "terms[0].column": "productId",
            "terms[0].value": product,
            "terms[1].terms[0].column": column,
            "terms[1].terms[0].value": text,
            "terms[1].terms[0].termType": kind,
            "terms[1].type": "and",
        }
    )
    found = api.get(f"{FIRMWARE}/_query/no-paging?{query}")
    assert {row["name"] for row in found} == expected


def test_null_rows_do_not_match_a_negation(world):
    product = world.product()
    world.device(product, deploy=False)
    active = world.device(product)
    api = world.api
    assert [
        row["id"]
        for row in api.rows("/device-instance", ("productId", product), ("registryTime", "not", 5))
    ] == [active]
    assert api.count("/device-instance", ("productId", product), ("registryTime", "isnull", 1)) == 1
    assert (
        api.count("/device-instance", ("productId", product), ("registryTime", "notnull", 1)) == 1
    )


def test_like_reversal_swaps_the_sides(names):
    term = {
        "column": "name",
        "value": "beta and more",
        "termType": "like",
        "options": ["reversal", "startWith"],
    }
    assert names([term]) == {"beta"}
    assert names([leaf("name$like$reversal$startWith", "beta and more")]) == {"beta"}


@pytest.mark.parametrize(
    "column, value, expected",
    [
        ("name$like", "%eta", {"beta"}),
        ("versionOrder$gt", 4, {"delta"}),
        ("sign_method", "sha256", {"beta", "Alpha"}),
        ("version_order$in", [1, 2], {"alpha", "beta"}),
    ],
)
def test_column_forms(names, column, value, expected):
    assert names([leaf(column, value)]) == expected


def test_vector_dollar_overrides_the_term_type(names):
    assert names([leaf("name$like", "a%", "eq")]) == {"alpha"}


def test_vector_flat_precedence(names):
    flat = [
        leaf("name", "alpha"),
        leaf("name", "beta", connector="or"),
        leaf("versionOrder", 3, connector="and"),
    ]
    assert names(flat) == {"alpha"}  # alpha or (beta and 3)
    grouped = [{"terms": flat[:2]}, leaf("versionOrder", 2, connector="and")]
    assert names(grouped) == {"beta"}


def test_the_first_terms_connector_is_ignored(names):
    assert names([leaf("name", "alpha", connector="or")]) == {"alpha"}


def test_a_term_may_carry_a_condition_and_a_group(names):
    term = {
        **leaf("signMethod", "md5"),
        "type": "and",
        "terms": [leaf("name", "alpha"), leaf("name", "delta", connector="or")],
    }
    assert names([term]) == {"alpha", "delta"}


def test_any_depth_of_nesting(names):
    terms = [leaf("name", "beta")]
    for _ in range(8):
        terms = [{"terms": terms}]
    assert names(terms) == {"beta"}


def test_hostile_nesting_is_refused_or_answered_but_never_breaks_the_server(api):
    body = b'{"terms":[' + b'{"terms":[' * 5000 + b"]}" * 5000 + b"]}"
    assert api.call(
        "POST", f"{FIRMWARE}/_query", raw=body, content_type="application/json", check=False
    ).status in (200, 400)
    assert api.get("/user/detail")


@pytest.mark.parametrize(
    "term",
    [
        {"column": "name"},
        {"column": "name", "value": None},
        {"column": "versionOrder", "value": ""},
        {"column": "noSuchColumn", "value": "x"},
        {"column": "name", "termType": "noSuchType", "value": "x"},
        {"column": "id$no-such-custom", "value": "x"},
        {"column": "name; drop table firmware", "value": "x"},
    ],
)
def test_terms_that_contribute_nothing(names, term):
    assert names([term]) == ALL
    assert names([term, leaf("name", "beta", connector="and")]) == {"beta"}


def test_vector_null_value(world):
    _, _, _, task = world.ready_push(2)
    found = world.api.post(
        f"{RECORD}/_query",
        {"terms": [{"column": "deviceId"}, {"column": "taskId", "value": task["id"]}]},
    )
    assert found["total"] == 2


def test_a_null_value_keeps_its_group(names):
    assert names([{"column": "name", "terms": [leaf("name", "beta")]}]) == {"beta"}


@pytest.mark.parametrize("value", ["x' or '1'='1", "%' --", "\\", "'", "名称", "a\u0000b"])
def test_hostile_values_are_values(names, value):
    assert names([leaf("name", value)]) == set()


# -- values --------------------------------------------------------------------------------------------
def test_times_accept_numbers_and_date_strings(names):
    now = int(time.time() * 1000)
    assert names([leaf("createTime", now - 86400000 * 2, "gt")]) == ALL
    assert names([leaf("createTime", str(now + 86400000 * 2), "lt")]) == ALL
    assert names([leaf("createTime", "2020-01-01 00:00:00", "gt")]) == ALL
    assert names([leaf("createTime", "2020-01-01", "lt")]) == set()
    assert names([leaf("createTime", "2020-01-01T00:00:00Z", "gt")]) == ALL
    assert names([leaf("createTime", [now - 86400000, now + 86400000], "btw")]) == ALL


def test_enum_columns_accept_the_value(world):
    product, devices, _, task = world.ready_push(2)
    assert world.api.count("/device-instance", ("productId", product), ("state", "offline")) == 2
    assert (
        world.api.count(
            "/device-instance", ("productId", product), ("state", "in", ["online", "notActive"])
        )
        == 0
    )
    assert world.api.count(RECORD, ("taskId", task["id"]), ("state", "waiting")) == 2
    assert world.api.count(RECORD, ("taskId", task["id"]), ("mode", "pull")) == 0


def test_state_of_products_is_a_number(world):
    on, off = world.product(), world.product(deploy=False)
    for value in (1, "1"):
        found = world.api.rows("/device-product", ("id", "in", [on, off]), ("state", value))
        assert [row["id"] for row in found] == [on]


# -- where and filter ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "where, expected",
    [
        ("name = beta", {"beta"}),
        ("name = alpha or name = beta and versionOrder = 3", {"alpha"}),
        ("(name = alpha or name = beta) and versionOrder = 2", {"beta"}),
        ("versionOrder gt 3", {"Alpha", "delta"}),
        ("versionOrder >= 4 and versionOrder <= 4", {"Alpha"}),
        ("name in alpha,delta", {"alpha", "delta"}),
        ("name like %lpha and versionOrder < 3", {"alpha"}),
        ('name = "gamma 100%"', {"gamma 100%"}),
        ("name = 'gamma 100%'", {"gamma 100%"}),
        ("name = " + "x" * 300, set()),
        ("description = first and (versionOrder > 4 or (signMethod = sha256))", {"delta"}),
    ],
)
def test_where_expression(rows, where, expected):
    api, product = rows
    whole = f"productId = {product} and ({where})"
    found = api.post(f"{FIRMWARE}/_query/no-paging", {"paging": False, "where": whole})
    assert {row["name"] for row in found} == expected
    found = api.get(f"{FIRMWARE}/_query/no-paging?paging=false&where={urllib.parse.quote(whole)}")
    assert {row["name"] for row in found} == expected


@pytest.mark.parametrize(
    "where", ["(", "name =", "name = 'open", "and", ")name = x", "name ~ x ~ y ("]
)
def test_a_broken_where_is_refused(api, where):
    assert api.call("POST", f"{FIRMWARE}/_query", {"where": where}).status == 400


@pytest.mark.parametrize(
    "conditions, expected",
    [
        ({"name": "beta"}, {"beta"}),
        ({"name$like": "%lpha", "versionOrder$lt": 3}, {"alpha"}),
        ({"$nest": {"name": "alpha", "$or$name": "delta"}}, {"alpha", "delta"}),
        ({"$nest": "name = alpha or name = beta"}, {"alpha", "beta"}),
    ],
)
def test_filter_map(rows, conditions, expected):
    api, product = rows
    found = api.post(
        f"{FIRMWARE}/_query/no-paging",
        {"paging": False, "filter": {"productId": product, **conditions}},
    )
    assert {row["name"] for row in found} == expected


def test_terms_win_over_where_and_where_over_filter(names, rows):
    api, product = rows
    assert names([leaf("name", "beta")], where="name = alpha", filter={"name": "delta"}) == {"beta"}
    body = {"where": f"productId = {product} and name = alpha", "filter": {"name": "delta"}}
    assert [row["name"] for row in api.post(f"{FIRMWARE}/_query/no-paging", body)] == ["alpha"]


# -- order ---------------------------------------------------------------------------------------------
def ordered(rows, **query):
    api, product = rows
    return [
        row["versionOrder"]
        for row in api.post(
            f"{FIRMWARE}/_query/no-paging",
            {"paging": False, "terms": [leaf("productId", product)], **query},
        )
    ]


def test_sorts(rows):
    assert ordered(rows, sorts=[{"name": "versionOrder", "order": "desc"}]) == [5, 4, 3, 2, 1]
    assert ordered(rows, sorts=[{"name": "versionOrder"}]) == [1, 2, 3, 4, 5]
    assert ordered(
        rows,
        sorts=[{"name": "signMethod", "order": "DESC"}, {"name": "versionOrder", "order": "ASC"}],
    ) == [2, 4, 1, 3, 5]
    assert ordered(rows, orderBy="signMethod desc,versionOrder asc") == [2, 4, 1, 3, 5]
    assert (
        ordered(rows, sorts=[{"name": "name", "value": "delta"}, {"name": "versionOrder"}])[0] == 5
    )
    assert sorted(ordered(rows, sorts=[{"name": "noSuchColumn"}])) == [1, 2, 3, 4, 5]


def test_sorts_in_the_query_string(rows):
    api, product = rows
    query = urllib.parse.urlencode(
        {
            "paging": "false",
            "where": f"productId = {product}",
            "sorts[0].name": "versionOrder",
            "sorts[0].order": "desc",
        }
    )
    assert [row["versionOrder"] for row in api.get(f"{FIRMWARE}/_query/no-paging?{query}")] == [
        5,
        4,
        3,
        2,
        1,
    ]
    query = urllib.parse.urlencode(
        {"paging": "false", "where": f"productId = {product}", "orderBy": "versionOrder desc"}
    )
    assert [row["versionOrder"] for row in api.get(f"{FIRMWARE}/_query/no-paging?{query}")] == [
        5,
        4,
        3,
        2,
        1,
    ]


# -- pages ---------------------------------------------------------------------------------------------
def page(rows, **query):
    api, product = rows
    return api.post(
        f"{FIRMWARE}/_query",
        {"terms": [leaf("productId", product)], "sorts": [{"name": "versionOrder"}], **query},
    )


def test_pages(rows):
    first = page(rows, pageIndex=0, pageSize=2)
    assert (first["pageIndex"], first["pageSize"], first["total"]) == (0, 2, 5)
    assert [row["versionOrder"] for row in first["data"]] == [1, 2]
    assert [row["versionOrder"] for row in page(rows, pageIndex=2, pageSize=2)["data"]] == [5]
    assert [
        row["versionOrder"] for row in page(rows, pageIndex=1, firstPageIndex=1, pageSize=2)["data"]
    ] == [1, 2]


def test_default_page_is_25_rows(rows):
    assert page(rows)["pageSize"] == 25


def test_vector_paging_past_the_end(rows):
    last = page(rows, pageIndex=9, pageSize=2)
    assert last["pageIndex"] == 2 and [row["versionOrder"] for row in last["data"]] == [5]


def test_empty_page(rows):
    api, _ = rows
    empty = api.post(f"{FIRMWARE}/_query", {"terms": [leaf("id", "nobody")], "pageIndex": 3})
    assert (empty["total"], empty["data"]) == (0, [])


def test_a_given_total_is_echoed(rows):
    assert page(rows, total=77, pageSize=2)["total"] == 77


def test_no_paging_still_pages_unless_told(rows):
    api, product = rows
    terms = [leaf("productId", product)]
    path = f"{FIRMWARE}/_query/no-paging"
    assert len(api.post(path, {"terms": terms, "pageSize": 2})) == 2
    assert len(api.post(path, {"terms": terms, "pageSize": 2, "pageIndex": 2})) == 1
    assert len(api.post(path, {"terms": terms, "pageSize": 2, "paging": False})) == 5


@pytest.mark.parametrize(
    "query",
    [
        {"pageSize": -1},
        {"pageIndex": -4},
        {"pageSize": 0},
        {"pageSize": 10**12},
        {"pageIndex": 10**12},
    ],
)
def test_odd_page_numbers_never_break_the_server(api, query):
    assert api.call("POST", f"{FIRMWARE}/_query", query).status in (200, 400)


def test_a_page_may_be_asked_without_a_body(api):
    for answer in (
        api.post(f"{FIRMWARE}/_query"),
        api.get(f"{FIRMWARE}/_query"),
        api.post(f"{FIRMWARE}/_query", raw=b"null", content_type="application/json"),
    ):
        assert answer["pageIndex"] == 0


def test_includes_and_excludes(rows):
    def first(**projection):
        api, product = rows
        body = {"terms": [leaf("productId", product)], "pageSize": 1, **projection}
        return api.call("POST", f"{FIRMWARE}/_query", body, check=False).result["data"][
            0
        ]  # rows are not whole

    assert set(first(includes=["id", "name"])) == {"id", "name"}
    assert "url" not in first(excludes=["url"]) and "name" in first(excludes=["url"])


# -- generic endpoints ---------------------------------------------------------------------------------
def test_count_and_exists_by_post_and_get(rows):
    api, product = rows
    where = urllib.parse.quote(f"productId = {product}")
    assert (
        api.count(FIRMWARE, ("productId", product))
        == 5
        == api.get(f"{FIRMWARE}/_count?where={where}")
    )
    assert api.post(f"{FIRMWARE}/_exists", {"terms": [leaf("productId", product)]}) is True
    assert api.get(f"{FIRMWARE}/_exists?where={where}") is True
    assert api.post(f"{FIRMWARE}/_exists", {"terms": [leaf("id", "nobody")]}) is False


@pytest.mark.parametrize(
    "base",
    [
        "/firmware",
        "/firmware/upgrade/task",
        "/firmware/upgrade/history",
        "/device-product",
        "/device/product",
        "/device-instance",
        "/device/instance",
        "/protocol",
    ],
)
def test_every_resource_has_the_query_set(api, base):
    assert api.post(f"{base}/_query", {"pageSize": 1})["pageSize"] in (0, 1)
    assert api.get(f"{base}/_query?pageSize=1")["pageSize"] in (0, 1)
    assert isinstance(api.post(f"{base}/_query/no-paging", {"pageSize": 1}), list)
    assert isinstance(api.get(f"{base}/_query/no-paging?pageSize=1"), list)
    assert api.post(f"{base}/_count", {}) == api.get(f"{base}/_count") >= 0
    assert api.post(f"{base}/_exists", {}) in (True, False)
    assert api.get(f"{base}/_exists") in (True, False)


# -- bodies that consoles really send -----------------------------------------------------------------
def test_ui_search_of_two_groups(names):
    first = {
        "terms": [leaf("name", "%lpha%", "like", "or"), leaf("signMethod", "sha256", "eq", "or")]
    }
    second = {"type": "and", "terms": [leaf("createTime", "2025-01-01 00:00:00", "gt", "or")]}
    assert names([first, second]) == {"alpha", "Alpha", "beta"}


def test_ui_task_list_wraps_once_more(world):
    _, _, firmware, task = world.ready_push()
    terms = [
        {
            "terms": [
                {"terms": [{"terms": [leaf("name", task["name"])]}]},
                {"terms": [leaf("firmwareId", firmware["id"])]},
            ]
        }
    ]
    assert [
        row["id"]
        for row in world.api.post("/firmware/upgrade/task/detail/_query", {"terms": terms})["data"]
    ] == [task["id"]]


# -- custom terms (2.3.5) ------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def fleet(server, admin_token):
    """(world, product, {name: device}) with reported versions and tags."""
    world = World(server, Api(server.http, token=admin_token))
    product = world.product()
    devices = {
        "old": world.device(product, tags={"site": "north", "floor": "1"}),
        "new": world.device(product, tags={"site": "south", "floor": "1"}),
        "silent": world.device(product),
    }
    for key, version in (("old", "1.0.3"), ("new", "2.0")):
        with world.connected(product, devices[key]) as device:
            device.report(version)
    return world, product, devices


def found_devices(fleet, column, value, **more):
    world, product, devices = fleet
    terms = [leaf("productId", product), {"column": column, "value": value, "type": "and", **more}]
    found = {
        row["id"]
        for row in world.api.post(
            "/device-instance/detail/_query/no-paging", {"paging": False, "terms": terms}
        )
    }
    return {key for key, device in devices.items() if device in found}


def test_dev_firmware(fleet):
    assert found_devices(fleet, "id$dev-firmware", [leaf("version", "%1.0%", "like", "or")]) == {
        "old"
    }
    assert found_devices(fleet, "id$dev-firmware", [leaf("version", "2.0")]) == {"new"}
    assert found_devices(fleet, "id", [leaf("version", "2.0")], termType="dev-firmware") == {"new"}
    assert found_devices(fleet, "id$dev-firmware", [leaf("version", "9")]) == set()


def test_dev_tag(fleet):
    assert found_devices(fleet, "id$dev-tag", "site = north and floor = 1") == {"old"}
    assert found_devices(fleet, "id$dev-tag", [{"key": "floor", "value": "1"}]) == {"old", "new"}


def test_product_info(fleet):
    _, product, devices = fleet
    assert found_devices(fleet, "productId$product-info", [leaf("id", product)]) == set(devices)
    assert found_devices(fleet, "productId$product-info", f"id = {product}") == set(devices)
    assert found_devices(fleet, "productId$product-info$not", [leaf("id", product)]) == set()


def test_dev_protocol(fleet):
    assert found_devices(fleet, "productId$dev-protocol", ["jetlinks.v3.0"]) == {
        "old",
        "new",
        "silent",
    }
    assert found_devices(fleet, "productId$dev-protocol", ["another"]) == set()


def test_dev_instance_over_records(world):
    product, devices, _, task = world.ready_push(2)
    terms = [
        leaf("taskId", task["id"]),
        {"column": "deviceId$dev-instance", "value": [leaf("id", devices[0])]},
    ]
    assert [
        row["deviceId"] for row in world.api.post(f"{RECORD}/_query", {"terms": terms})["data"]
    ] == [devices[0]]


def test_dim_assets_is_accepted_as_text_and_object(fleet):
    target = {"assetType": "device", "targets": [{"type": "org", "id": "no-such-org"}]}
    for value in (target, json.dumps(target)):
        world, product, _ = fleet
        answer = world.api.call(
            "POST",
            "/device-instance/detail/_query",
            {"terms": [leaf("productId", product), leaf("id$dim-assets", value)]},
        )
        assert answer.status == 200
