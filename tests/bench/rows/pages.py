"""Pages of a task's records, with every filter and order that the console offers (web/src/features/tasks/
useRecords.ts) and those that JetLinks' console asks for."""
import random
import time

from rig import rollout
from rig.report import percentile

REQUESTS = 50
SECONDS_MAX = 4  # of one kind: slow ones end early
PAGE = 24  # of the console's table
STATES = ("waiting", "processing", "success", "failed", "canceled")


def p95_ms(seconds):
    return percentile(seconds, 0.95) * 1000


def measure(server, task):
    """(id, what, p95 in ms, note) of each kind of page, and of the worst."""
    rest, worst = server.rest, None
    for id, what, make in kinds(task):
        query_of = random.Random(5)
        times, deadline, cpu = [], time.monotonic() + SECONDS_MAX, server.cpu_seconds()
        while len(times) < REQUESTS and (len(times) < 3 or time.monotonic() < deadline):
            rest.post("/firmware/upgrade/history/detail/_query", make(query_of))
            times.append(rest.took)
        p95 = p95_ms(times)
        note = (f"p50 {percentile(times, 0.5) * 1000:.2f} ms of {len(times)} requests, "
                f"{(server.cpu_seconds() - cpu) * 1000 / len(times):.1f} ms of the processor each")
        if worst is None or p95 > worst[2]:
            worst = ("record_page_worst", f"the slowest of all pages of records: {what}", p95, note)
        yield f"record_page_{id}", f"page of records, p95: {what}", p95, note
    yield worst


def contains(column, text, type="and"):
    return {"column": column, "termType": "like", "value": f"%{text}%", "type": type}


def group(*terms):
    return {"type": "and", "terms": list(terms)}


def kinds(task):
    """(id, what, a query for each request). A total that the console knows without asking is sent along."""
    base = {"column": "taskId", "termType": "eq", "value": task["id"]}
    devices = task["total"]

    def query(*terms, sort="createTime", order="desc", page=lambda _: 0, total=None):
        def make(chance):
            body = {"pageIndex": page(chance), "pageSize": PAGE, "sorts": [{"name": sort, "order": order}],
                    "terms": [base, *(term(chance) if callable(term) else term for term in terms)]}
            return body if total is None else {**body, "total": total}
        return make

    def any_page(count):
        return lambda chance: chance.randrange(max(count // PAGE, 1))

    def some_device(chance):
        return f"{chance.randrange(devices) + 1}"

    yield "first", "first page", query(total=devices)
    yield "any", "any page", query(page=any_page(devices), total=devices)
    yield "any_counted", "any page, total not known", query(page=any_page(devices))
    yield "last", "last page", query(page=lambda _: devices // PAGE, total=devices)
    for state in STATES:
        state_is = group({"column": "state", "termType": "eq", "value": state})
        yield f"state_{state}", f"state is {state}", query(state_is, total=task[state])
    failed = group({"column": "state", "termType": "eq", "value": "success"})
    yield "state_any", "any page of state success", query(failed, page=any_page(task["success"]), total=task["success"])
    several = group({"column": "state", "termType": "in", "value": ["failed", "canceled"]})
    yield "states", "state is failed or canceled", query(several)
    yield "device_id", "device id contains a number", query(
        lambda chance: group(contains("deviceId", some_device(chance))))
    yield "device_name", "device name contains a number", query(
        lambda chance: group(contains("deviceName", some_device(chance))))
    yield "quick", "search box: id or name contains a number", query(
        lambda chance: group(contains("deviceName", number := some_device(chance), "or"),
                             contains("deviceId", number, "or")))
    yield "nothing", "search box: a text that no record has", query(
        group(contains("deviceName", "no such device", "or"), contains("deviceId", "no such device", "or")))
    yield "reason_group", "reason of the failure (group)", query(
        lambda chance: group({"column": "errorGroup", "termType": "eq", "value": chance.choice(rollout.REASONS)}))
    yield "reason", "reason of the failure contains a word", query(
        lambda chance: group(contains("errorReason", chance.choice(rollout.REASONS).split()[0])))
    yield "reason_nothing", "reason of the failure contains a word that none has", query(
        group(contains("errorReason", "no such reason")))
    yield "completed", "completed within ten minutes", query(completed_within(600_000))
    yield "completed_state", "state success, completed within a minute", query(
        failed, completed_within(60_000))
    for column in ("deviceName", "progress", "completeTime", "upgradeTime", "createTime"):
        for order in ("asc", "desc"):
            yield f"sort_{column}_{order}", f"ordered by {column}, {order}", query(
                sort=column, order=order, total=devices)


def completed_within(ms):
    """A time range as the console writes it, somewhere in the hour of the rollout."""
    def make(chance):
        begin = rollout.COMPLETED_FROM_MS + chance.randrange(rollout.COMPLETED_SPAN_MS - ms)
        return group({"column": "completeTime", "termType": "gte", "value": begin, "type": "and"},
                     {"column": "completeTime", "termType": "lte", "value": begin + ms, "type": "and"})
    return make
