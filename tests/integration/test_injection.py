"""Hostile texts wherever a text is taken: in the query language, in what is stored and shown again, in
names of files, in CSV files. The corpora are lines of corpora/*.txt; a finding becomes a line there."""
import csv
import io
import json
import pathlib
import urllib.parse

import pytest

from support.api import multipart
from support.builders import FIRMWARE, RECORD, TASK, World
from support.server import Server

CORPORA = pathlib.Path(__file__).parent / "corpora"
DEVICE = "/device-instance"
PRODUCT = "/device-product"
RESOURCES = [FIRMWARE, TASK, RECORD, DEVICE, PRODUCT, "/protocol", "/user", "/role"]


def corpus(name):
    return (CORPORA / f"{name}.txt").read_text(encoding="utf-8").splitlines()


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A server with two of everything."""
    with Server(tmp_path_factory.mktemp("injection") / "data") as running:
        world = World(running, running.api())
        world.ready_push(2)
        world.ready_push(2)
        world.person({"device/Firmware": ["view"]})
        yield world


def totals(api):
    return {base: api.count(base) for base in RESOURCES}


# -- the query language ----------------------------------------------------------------------------------
def queries(text):
    """Everywhere that a query takes a text."""
    yield {"terms": [{"column": "id", "value": text}]}
    yield {"terms": [{"column": "name", "termType": "like", "value": text}]}
    yield {"terms": [{"column": "name", "termType": "in", "value": [text, text + "2"]}]}
    yield {"terms": [{"column": "createTime", "termType": "btw", "value": [text, text]}]}
    yield {"terms": [{"column": text, "value": "x"}]}
    yield {"terms": [{"column": "name", "termType": text, "value": "x"}]}
    yield {"terms": [{"column": "name", "value": "x", "type": text}]}
    yield {"terms": [{"column": "id", "value": {"x": text}}, {"value": text}]}
    yield {"terms": [{"terms": [{"column": "id$" + text, "value": text}], "type": "or"}]}
    yield {"where": text}
    yield {"where": f"name = {text}"}
    yield {"where": f"{text} = 1"}
    yield {"filter": {text: text}}
    yield {"sorts": [{"name": text, "order": "asc"}]}
    yield {"sorts": [{"name": "id", "order": text}]}
    yield {"orderBy": text}
    yield {"includes": [text]}
    yield {"excludes": [text]}
    yield {"pageIndex": text}
    yield {"context": {text: text}}


@pytest.mark.parametrize("base", RESOURCES)
def test_a_query_is_never_code(stage, base):
    """Answered or refused, never broken: and never with a row that is not there, or a hidden member."""
    api = stage.api
    before = totals(api)
    wrong = []
    for text in corpus("query"):
        for query in queries(text):
            answer = api.call("POST", f"{base}/_query", query, check=False)
            hidden = b"password" in answer.body or b"argon2" in answer.body
            if answer.status not in (200, 400) or (hidden and answer.status == 200):
                wrong.append((query, answer))
            elif answer.status == 200 and answer.result["total"] > before[base]:
                wrong.append((query, answer))
    assert not wrong
    assert totals(api) == before


@pytest.mark.parametrize("base", [DEVICE, FIRMWARE])
def test_a_query_string_is_never_code(stage, base):
    api = stage.api
    before = totals(api)
    for text in corpus("query"):
        quoted = urllib.parse.quote(text, safe="")
        for query in (
            f"where={quoted}",
            f"where=name%20is%20{quoted}",
            f"terms[0].column={quoted}&terms[0].value={quoted}",
            f"sorts[0].name={quoted}&sorts[0].order={quoted}",
            f"{quoted}={quoted}",
            f"pageSize={quoted}&pageIndex={quoted}",
        ):
            status = api.call("GET", f"{base}/_query?{query}", check=False).status
            assert status in (200, 400), (query, status)
    assert totals(api) == before


@pytest.mark.parametrize("text", corpus("query"))
def test_a_made_up_value_matches_nothing(stage, text):
    """Values are bound, never spliced: no text is the id of everything."""
    for base in RESOURCES:
        assert stage.api.count(base, ("id", text)) == 0, base
        assert stage.api.count(base, ("id", "in", [text])) == 0, base


def test_ids_in_paths_and_bodies_are_values(stage):
    api = stage.api
    before = totals(api)
    for text in corpus("query") + corpus("text"):
        quoted = urllib.parse.quote(text, safe="")
        for base in RESOURCES:
            for method in ("GET", "DELETE"):
                path = f"{base}/{quoted}"
                assert api.call(method, path, check=False).status in (200, 400, 404, 406), path
        api.call("POST", f"{DEVICE}/batch/_delete", [text], check=False)
        api.call("POST", f"{TASK}/_start", [text], check=False)
    assert totals(api) == before


# -- stored texts ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("text", corpus("text"))
def test_a_stored_text_comes_back_as_it_was(stage, text):
    """As JSON that says so: what a page makes of it is the console's affair, see its own tests."""
    api = stage.api
    text = text[:60]
    product = stage.product(name=text, describe=text)
    device = stage.device(product, name=text, describe=text)
    firmware = stage.foreign_firmware(product, name=text, description=text)
    task = stage.task(firmware, [device], name=text, description=text)

    shown = [
        api.get(f"{PRODUCT}/{product}"),
        api.get(f"{DEVICE}/{device}/detail"),
        api.get(f"{FIRMWARE}/{firmware['id']}"),
        stage.detail(task),
    ]
    assert [row["name"] for row in shown] == [text] * 4
    assert [row.get("description") for row in shown[2:]] == [text] * 2
    found = api.rows(FIRMWARE, ("name", text))
    assert firmware["id"] in [row["id"] for row in found]
    answer = api.call("GET", f"{PRODUCT}/{product}")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert json.loads(answer.body)["result"]["name"] == text


@pytest.mark.parametrize("text", [each for each in corpus("text") if '"' not in each])
def test_the_name_of_a_file_is_no_header(stage, text):
    """It returns in Content-Disposition, where a line break or a quote would begin something new."""
    api = stage.api
    payload, content_type = multipart(b"x", text)
    answer = api.call("POST", "/file/upload", raw=payload, content_type=content_type)
    assert answer.status in (200, 400), answer
    if answer.status == 200:
        file = answer.result
        path = f"/file/{file['id']}?accessKey={file['others']['accessKey']}"
        fetched = api.call("GET", path)
        assert fetched.body == b"x"
        assert fetched.headers.get_all("Set-Cookie") is None
        disposition = fetched.headers["Content-Disposition"]
        assert len(fetched.headers.get_all("Content-Disposition")) == 1
        assert disposition.startswith("attachment") and disposition.isascii()
        assert fetched.headers["X-Content-Type-Options"] == "nosniff"


# -- CSV -------------------------------------------------------------------------------------------------
def exported(api, base, *terms):
    query = {"terms": [{"column": column, "value": value} for column, value in terms]}
    answer = api.clone(language="en").call("POST", f"{base}/_export", query)
    assert answer.status == 200
    text = answer.body.decode("utf-8-sig")
    return text, list(csv.DictReader(io.StringIO(text, newline="")))


def is_formula(cell):
    return cell.lstrip(" ")[:1] in tuple("=+-@\t\r\n＝＋－＠")


def test_no_exported_cell_is_a_formula_and_all_can_be_imported_again(stage):
    api = stage.api
    product = stage.product()
    names = {}
    for text in corpus("formula") + corpus("text"):
        device = stage.device(product, name=text[:60], describe=text)
        names[device] = (text[:60], text)

    text, rows = exported(api, DEVICE, ("productId", product))

    assert len(rows) == len(names)
    for row in rows:
        assert not [cell for cell in row.values() if is_formula(cell)], row
        if is_formula(names[row["id"]][0].lstrip("'")):
            assert row["name"] == "'" + names[row["id"]][0]
    report = api.post(
        f"{DEVICE}/_import?productId={product}&existing=update", raw=text.encode(), content_type="text/csv"
    )
    assert report["refusedCount"] == 0, report
    for device, (name, describe) in names.items():
        row = api.get(f"{DEVICE}/{device}/detail")
        assert (row["name"], row.get("describe")) == (name.strip(" "), describe.strip(" "))
    blanks = [name for name, _ in names.values() if name != name.strip(" ")]  # an import drops them
    assert report["unchanged"] == len(names) - len(blanks), report


def test_what_devices_say_is_no_formula_in_the_export_of_records(stage):
    """The reason of a failure is a device's own words: the one text that a stranger writes."""
    api = stage.api
    texts = corpus("formula")
    product, devices, firmware, task = stage.ready_push(len(texts))
    for device, text in zip(devices, texts):
        with stage.connected(product, device) as peer:
            peer.wait_push()
            peer.fail("1.1", text)
            stage.wait_state(task, "failed", device)

    _, rows = exported(api, RECORD, ("taskId", task["id"]))

    assert len(rows) == len(texts)
    reasons = {row["deviceId"]: row["errorReason"] for row in rows}
    for device, text in zip(devices, texts):
        assert text.strip() in reasons[device]
        assert not is_formula(reasons[device])
