"""The audit log: every action of every operator has an entry, and the chain of hashes finds whoever changes one."""
import hashlib
import json
import pathlib
import random
import re
import shutil
import sqlite3
import threading

import pytest

from support.api import PASSWORD, Api
from support.builders import World
from support.cli import Cli
from support.contract import check_openapi, contract
from support.server import Server
from support.waiting import eventually
from test_backup import backup, doctor, restore, updraft

# Reads that are asked by POST, because a query may be long.
READS = re.compile(
    r"(/_query|/_query/no-paging|/_count|/_exists|/_preview|/logs|/tree|/script/_check|/script/_try)$"
    r"|^/system/config/scopes$|^/protocol/\{id\}/detail$"
)
# Fields in the order in which they are hashed (docs/operating/audit.md), as a line of an export has them.
FIELDS = (
    "seq at userId username via tokenName address proxy userAgent action objectType objectId objectName "
    "outcome errorCode before after"
).split()
COLUMNS = (
    "seq at user_id username via token_name address proxy user_agent action object_type object_id "
    "object_name outcome error_code before_json after_json hash"
).split()
ZEROS = "0" * 64


def recomputed(previous, line):
    """The hash of an entry, as docs/operating/audit.md tells a stranger to compute it."""
    fields = ["updraft-audit-1", previous, *(str(line[name]) for name in FIELDS)]
    form = b"".join(b"%d:%s," % (len(each.encode()), each.encode()) for each in fields)
    return hashlib.sha256(form).hexdigest()


def changing_operations():
    for method, path, operation, item in check_openapi.operations(contract().document):
        changes = method in ("POST", "PUT", "PATCH", "DELETE") and not READS.search(path)
        if changes and operation.get("security") in (None, []):
            yield operation, method, path, item


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    flags = ("--audit-refusals-per-minute", "100000")
    with Server(tmp_path_factory.mktemp("audit") / "data", *flags) as running:
        yield World(running, running.api())


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a stopped server with a dozen entries."""
    with Server(tmp_path_factory.mktemp("stopped") / "data") as running:
        world = World(running, running.api())
        for _ in range(5):
            world.device(world.product())
    assert verify(running.data)[0] == 0
    return running.data


@pytest.fixture
def filled(stopped, tmp_path):
    """A copy of it, to be altered."""
    return pathlib.Path(shutil.copytree(stopped, tmp_path / "data"))


def entries(api, **terms):
    found = [{"column": name, "value": value} for name, value in terms.items()]
    body = {"pageSize": 200, "terms": found, "sorts": [{"name": "seq", "order": "asc"}]}
    return api.post("/audit/_query", body)["data"]


def verify(data, *flags, language="en"):
    return updraft("audit", "verify", "--data", data, *flags, language=language)


def broken_at(data, *flags):
    """The seq that `audit verify` names."""
    status, out, err = verify(data, "--json", *flags)
    assert status == 1, (out, err)
    return json.loads(out)["seq"]


def alter(data, *statements):
    db = sqlite3.connect(pathlib.Path(data) / "updraft.db", timeout=10)
    for statement in statements:
        assert db.execute(statement).rowcount > 0, statement
    db.commit()
    db.close()


# -- every route --------------------------------------------------------------------------------------
def test_every_route_that_changes_something_makes_an_entry(stage):
    """Made-up ids and empty bodies: most are refused, and that is an entry too."""
    wrong = []
    asked = 0
    for operation, method, path, _ in changing_operations():
        client = Api(stage.server.http, token=None if "security" in operation else stage.api.token)
        before = stage.api.get("/audit/head")["seq"]
        body = None if method == "DELETE" else {}
        client.call(method, re.sub(r"\{[^}]*\}", "1", path), body, check=False)
        client.close()
        made = stage.api.get("/audit/head")["seq"] - before
        asked += 1
        if made != 1:
            wrong.append((method, path, made))
    assert not wrong
    assert asked > 60
    assert "a service made no entry" not in stage.server.log(10**6)


def test_a_day_of_an_operator(stage):
    """Who, from where, what, before and after, for each of the things that are done in a day."""
    world, api = stage, stage.api
    product = world.product()
    device = world.device(product)
    firmware = world.firmware(product)
    task = world.task(firmware, [device])["id"]
    api.post(f"/firmware/upgrade/task/{task}/_stop")
    api.put(f"/firmware/{firmware['id']}", {"name": "改名"})
    [created] = entries(api, action="product.create", objectId=product)
    assert created["username"] == "admin" and created["via"]["value"] == "session"
    assert created["address"] == "127.0.0.1" and created["proxy"] == ""
    assert created["outcome"]["value"] == "done" and created["before"] is None
    assert created["after"]["name"] == product
    assert set(created["after"]["configuration"].values()) == {"***"}
    [stopped] = entries(api, action="task.stop", objectId=task)
    assert (stopped["before"]["stopped"], stopped["after"]["stopped"]) == (False, True)
    assert stopped["after"]["recordStates"] == ["waiting"] and stopped["after"]["records"] == 1
    renamed = entries(api, action="firmware.update")[-1]
    assert renamed["before"]["name"] != renamed["after"]["name"] == "改名"
    assert "accessKey=***" in renamed["after"]["url"]
    assert "a service made no entry" not in world.server.log(10**6)


def test_a_secret_is_told_as_changed_and_never_itself(stage):
    world, api = stage, stage.api
    product = world.product(configuration={"secureId": "old-id", "secureKey": "canary-one"})
    api.put(
        f"/device-product/{product}",
        {"configuration": {"secureId": "old-id", "secureKey": "canary-two"}},
    )
    [entry] = entries(api, action="product.update", objectId=product)
    assert entry["before"]["configuration"] == {"secureId": "***", "secureKey": "***"}
    assert entry["after"]["configuration"] == {"secureId": "***", "secureKey": "*** (changed)"}
    made = api.post("/api-token", {"name": "canary", "scopes": [{"id": "role", "actions": ["query"]}]})
    person = world.person({"device/Firmware": ["view"]})
    person.post(
        "/user/passwd", {"oldPassword": "a Long enough passw0rd", "newPassword": "canary-password-3"}
    )
    [entry] = entries(api, action="user.password.change", outcome="done")
    assert entry["before"]["password"] == "***" and entry["after"]["password"] == "*** (changed)"
    told = api.post(f"/device-product/{product}/credentials", {"kind": "token", "name": "n"})
    secret = [value for key, value in told.items() if key in ("token", "secret")]
    log = api.call("POST", "/audit/_export", {}).body.decode()
    for canary in ("canary-one", "canary-two", "canary-password-3", made["token"], PASSWORD, *secret):
        assert canary not in log
    assert "argon2" not in log


def test_sign_ins_good_and_refused_are_entries(stage):
    nobody = Api(stage.server.http)
    nobody.refused(
        "POST", "/authorize/login", {"username": "mallory", "password": "x"}, code="illegal_password"
    )
    assert "mallory" not in stage.api.call("POST", "/audit/_export", {}).body.decode()
    nobody.refused(
        "POST", "/authorize/login", {"username": "admin", "password": "x"}, code="illegal_password"
    )
    refused = entries(stage.api, action="session.sign_in", username="admin")[-1]
    assert refused["outcome"]["value"] == "refused" and refused["errorCode"] == "illegal_password"
    assert refused["via"]["value"] == "nobody" and refused["userId"] == ""
    person = stage.person({"device/Firmware": ["view"]})
    name = person.get("/authorize/me")["user"]["username"]
    person.get("/user-token/reset")
    assert [each["action"] for each in entries(stage.api, username=name)] == [
        "session.sign_in",
        "session.sign_out",
    ]


def test_a_machine_token_is_told_by_its_name(stage):
    scopes = [{"id": "role", "actions": ["query", "save"]}]
    made = stage.api.post("/api-token", {"name": "build server", "scopes": scopes})
    machine = Api(stage.server.http, token=made["token"])
    machine.post("/role", {"name": stage.name("role"), "grants": []}, headers={"User-Agent": "ci/1.0"})
    entry = entries(stage.api, action="role.create", tokenName="build server")[-1]
    assert entry["via"]["value"] == "token" and entry["username"] == "admin"
    assert entry["userAgent"] == "ci/1.0"


def test_many_rows_are_one_bounded_entry(stage):
    product = stage.product()
    rows = [{"id": f"{product}-{n}", "name": "n", "productId": product} for n in range(500)]
    before = stage.api.get("/audit/head")["seq"]
    stage.api.post("/device-instance/_batch", rows)
    assert stage.api.get("/audit/head")["seq"] == before + 1
    [entry] = entries(stage.api, seq=before + 1)
    assert entry["after"]["count"] == entry["after"]["added"] == 500
    assert entry["after"]["firstIds"] == [row["id"] for row in rows[:10]]
    lines = "id,name,productId\n" + "".join(f"{product}-i{n},n,{product}\n" for n in range(2500))
    stage.api.call("POST", "/device-instance/_import", raw=lines.encode(), content_type="text/csv")
    assert stage.api.get("/audit/head")["seq"] == before + 2
    [entry] = entries(stage.api, seq=before + 2)
    assert entry["action"] == "device.import" and entry["after"]["lines"] == 2500


def test_whoever_may_not_read_the_log_does_not(stage):
    person = stage.person({"device/Firmware": ["view"]})
    for path in ("/audit/_query", "/audit/_export"):
        person.refused("POST", path, {}, status=403, code="access_denied")
    auditor = stage.person({"system/Audit": ["view"]})
    assert auditor.post("/audit/_query", {})["total"] > 0
    auditor.refused("POST", "/role", {"name": "x"}, status=403)


def test_a_trusted_proxy_names_the_client(private_server):
    server = private_server("--ddi-trusted-proxies", "127.0.0.1")
    api = server.api()
    api.post("/role", {"name": "r", "grants": []}, headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9"})
    [entry] = entries(api, action="role.create")
    assert (entry["address"], entry["proxy"]) == ("203.0.113.9", "127.0.0.1")


def test_refusals_cannot_fill_the_disk(private_server):
    server = private_server("--audit-refusals-per-minute", "5")
    api = server.api()
    for n in range(30):
        api.call("DELETE", f"/role/none-{n}")
    assert len(entries(api, outcome="refused")) == 5
    metrics = api.call("GET", "/metrics", check=False).body.decode()
    assert re.search(r"^updraft_audit_refusals_not_stored_total 25$", metrics, re.M)
    assert re.search(r"^updraft_audit_entries_total \d+$", metrics, re.M)


def test_a_long_change_is_cut(private_server):
    server = private_server("--audit-entry-bytes-max", "2000")
    api = server.api()
    product = World(server, api).product(description="长" * 150, accessName="x" * 3000)
    [entry] = entries(api, action="product.create", objectId=product)
    assert entry["after"]["cut"] is True and entry["after"]["bytes"] > 3000
    assert len(json.dumps(entry["after"], ensure_ascii=False).encode()) < 1100
    assert verify(server.data)[0] == 0


# -- the chain ----------------------------------------------------------------------------------------
def test_a_stranger_computes_the_same_hashes(stage):
    stage.product(name="名称 \"quoted\"\n")
    answer = stage.api.call("POST", "/audit/_export", {})
    lines = [json.loads(line) for line in answer.body.decode().splitlines()]
    previous = ZEROS
    for number, line in enumerate(lines, 1):
        assert line["seq"] == number
        assert recomputed(previous, line) == line["hash"], line
        previous = line["hash"]
    csv = stage.api.call("POST", "/audit/_export?format=csv", {}).body.decode("utf-8-sig")
    assert csv.startswith("seq,at,userId,username")
    exports = entries(stage.api, action="audit.export")
    assert len(exports) >= 2


def test_verify_beside_the_server_and_offline(stage, filled):
    for data in (stage.server.data, filled):
        status, out, _ = verify(data)
        assert status == 0 and out.startswith("whole: ")
        head = out.splitlines()[1]
        assert verify(data, "--head", head)[0] == 0
    status, out, _ = verify(filled, language="zh")
    assert status == 0 and out.startswith("完整")
    assert verify(filled, "--head", "nonsense")[0] == 2
    assert verify(filled / "nowhere")[0] == 2


@pytest.mark.parametrize("column", COLUMNS[1:-1])
def test_one_changed_byte_is_found(filled, column):
    wrong = {"at": "at + 1"}.get(column, f"{column} || 'x'")
    alter(filled, f"UPDATE audit_entry SET {column} = {wrong} WHERE seq = 4")
    assert broken_at(filled) == 4
    status, out, _ = verify(filled)
    assert status == 1 and out.startswith("entry 4: its content does not match its hash")
    status, out, _ = verify(filled, language="zh")
    assert out.startswith("第 4 条: 内容与哈希不符")


def test_a_row_that_is_gone_is_found(filled):
    alter(filled, "DELETE FROM audit_entry WHERE seq = 5")
    assert broken_at(filled) == 5
    assert "audit-chain" in {each["code"] for each in doctor(filled)[1]}


def test_an_altered_hash_is_found(filled):
    alter(filled, f"UPDATE audit_entry SET hash = '{'a' * 64}' WHERE seq = 3")
    assert broken_at(filled) == 3
    assert "its hash was altered" in verify(filled)[1]


def test_two_exchanged_rows_are_found(filled):
    rest = ", ".join(f"{name} = (SELECT {name} FROM audit_entry o WHERE o.seq = 9 - t.seq)" for name in COLUMNS[1:])
    alter(filled, f"UPDATE audit_entry AS t SET {rest} WHERE seq IN (4, 5)")
    assert broken_at(filled) == 4


def test_a_cut_tail_is_found(filled):
    last = int(verify(filled)[1].splitlines()[1].split(":")[0])
    alter(filled, f"DELETE FROM audit_entry WHERE seq > {last - 2}")
    assert broken_at(filled) == last - 1


def test_a_tail_that_was_cut_with_care_is_found_by_the_head_that_was_noted(filled):
    noted = verify(filled)[1].splitlines()[1]
    last = int(noted.split(":")[0])
    alter(
        filled,
        f"DELETE FROM audit_entry WHERE seq > {last - 2}",
        f"UPDATE audit_head SET seq = {last - 2}, "
        f"hash = (SELECT hash FROM audit_entry WHERE seq = {last - 2})",
    )
    assert verify(filled)[0] == 0  # the log alone cannot know
    assert broken_at(filled, "--head", noted) == last - 1


def test_a_log_that_was_written_anew_is_found_by_the_head_that_was_noted(filled):
    noted = verify(filled)[1].splitlines()[1]
    db = sqlite3.connect(filled / "updraft.db")
    db.execute("UPDATE audit_entry SET username = 'somebody' WHERE seq = 3")
    previous = ZEROS
    for row in list(db.execute(f"SELECT {', '.join(COLUMNS)} FROM audit_entry ORDER BY seq")):
        previous = recomputed(previous, dict(zip(FIELDS, row[:-1])))
        db.execute("UPDATE audit_entry SET hash = ? WHERE seq = ?", (previous, row[0]))
    db.execute("UPDATE audit_head SET hash = ?", (previous,))
    db.commit()
    db.close()
    assert verify(filled)[0] == 0
    assert broken_at(filled, "--head", noted) == int(noted.split(":")[0])


def test_pruning_keeps_an_anchor_and_the_rest_verifies(filled):
    alter(filled, "UPDATE audit_entry SET at = 1000000000000 WHERE seq <= 6")
    db = sqlite3.connect(filled / "updraft.db")  # old entries, chained as if they had been made then
    previous = ZEROS
    for row in list(db.execute(f"SELECT {', '.join(COLUMNS)} FROM audit_entry ORDER BY seq")):
        previous = recomputed(previous, dict(zip(FIELDS, row[:-1])))
        db.execute("UPDATE audit_entry SET hash = ? WHERE seq = ?", (previous, row[0]))
    db.execute("UPDATE audit_head SET hash = ?", (previous,))
    db.commit()
    db.close()
    with Server(filled, "--audit-keep-days", "30") as running:
        api = running.api()
        eventually(lambda: entries(api, action="audit.prune"))
        [pruned] = entries(api, action="audit.prune")
        assert pruned["after"]["removed"] == 6 and pruned["via"]["value"] == "system"
        head = api.get("/audit/head")
        assert head["anchor"]["seq"] == 6 and head["anchor"]["hash"] == pruned["after"]["anchor"]
        assert min(each["seq"] for each in entries(api)) == 7
    assert verify(filled)[0] == 0


def test_backup_and_restore_carry_the_log(stage, tmp_path):
    backup(stage.server, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    assert verify(tmp_path / "restored")[0] == 0


def test_kill_9_leaves_a_change_with_its_entry_or_neither(tmp_path):
    server = Server(tmp_path / "data").start()
    random.seed(7)
    for attempt in range(4):
        api = server.api()
        stop = threading.Event()

        def work(token=api.token, http=server.http, number=attempt):
            client = Api(http, token=token)
            for each in range(100_000):
                try:
                    client.post("/role", {"id": f"r-{number}-{each}", "name": "r", "grants": []})
                except Exception:
                    return
                if each == killed_after:
                    stop.set()

        killed_after = random.randrange(3, 40)
        worker = threading.Thread(target=work)
        worker.start()
        assert stop.wait(20)
        server.kill()
        worker.join(20)
        db = sqlite3.connect(f"file:{server.data}/updraft.db?mode=ro", uri=True)
        roles = {row[0] for row in db.execute("SELECT id FROM role WHERE id LIKE 'r-%'")}
        told = [
            row[0]
            for row in db.execute("SELECT object_id FROM audit_entry WHERE action = 'role.create'")
        ]
        db.close()
        assert len(told) == len(set(told)) and set(told) == roles
        assert verify(server.data)[0] == 0
        server.start()
    server.stop()


# -- the command line ---------------------------------------------------------------------------------
def test_the_command_line_reads_the_log(stage, tmp_path):
    stage.product()
    line = Cli(tmp_path)
    line.login(stage.server)
    rows = line.json("audit", "list", "--action", "product.create", "--limit", "5")
    assert rows and all(row["action"] == "product.create" for row in rows)
    line("audit", "export", "--out", tmp_path / "audit.jsonl")
    exported = [json.loads(each) for each in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [each["seq"] for each in exported] == list(range(1, len(exported) + 1))
    head = line("audit", "head").out.strip()
    assert verify(stage.server.data, "--head", head)[0] == 0
