"""What operators ask when a rollout does not go well: why devices failed, how it went over time, and
what happened to one device. Routes of api/openapi.yaml that JetLinks does not have."""
from support.builders import RECORD, TASK
from support.waiting import eventually


def fail_all(world, product, devices, reasons):
    """Lets every device refuse its upgrade, the n-th for the n-th reason."""
    for device, reason in zip(devices, reasons, strict=True):
        with world.connected(product, device) as connected:
            connected.wait_push()
            connected.fail("1.1", reason)


# -- failures ------------------------------------------------------------------------------------------
def test_failures_are_counted_by_like_reasons(api, world):
    product, devices, _, task = world.ready_push(4)
    reasons = ["checksum mismatch 12", "disk full", "checksum mismatch 7"]
    fail_all(world, product, devices[:3], reasons)
    failures = api.get(f"{TASK}/{task['id']}/failures")
    assert (failures["failed"], failures["otherCount"]) == (3, 0)
    assert [(g["group"], g["count"]) for g in failures["groups"]] == [
        ("checksum mismatch #", 2),
        ("disk full", 1),
    ]
    most = failures["groups"][0]
    assert most["sample"] == "checksum mismatch 12"
    assert most["firstTime"] < most["lastTime"]

    rows = world.records(task, ("errorGroup", most["group"]))
    assert {row["deviceId"] for row in rows} == {devices[0], devices[2]}
    assert api.count(RECORD, ("taskId", task["id"]), ("errorGroup", most["group"])) == 2

    api.post(f"{TASK}/{task['id']}/_start", ["failed"])
    assert api.get(f"{TASK}/{task['id']}/failures") == {
        "failed": 0,
        "groups": [],
        "otherCount": 0,
    }


def test_failures_of_no_task(api):
    assert api.call("GET", f"{TASK}/1/failures").status == 404


# -- progress over time --------------------------------------------------------------------------------
def test_the_progress_of_a_task_begins_with_all_waiting_and_ends_with_now(api, world):
    product, devices, _, task = world.ready_push(2)
    path = f"{TASK}/{task['id']}/progress"
    first = api.get(path)["points"][0]
    assert (first["timestamp"], first["waiting"]) == (task["createTime"], 2)
    fail_all(world, product, devices[:1], ["disk full"])

    def noted():
        points = api.get(path)["points"]
        assert points == sorted(points, key=lambda point: point["timestamp"])
        assert (points[-1]["waiting"], points[-1]["failed"]) == (1, 1)
        return points

    noted()  # at once: the last point is the present
    api.post(f"{TASK}/{task['id']}/_stop", ["waiting"])

    def ended():
        points = api.get(path)["points"]
        again = api.get(path)["points"]
        assert (points[-1]["canceled"], points[-1]["failed"]) == (1, 1)
        assert points == again, "a task that has ended gets no further points"
        return points

    eventually(ended, 10.0)
    assert api.call("GET", f"{TASK}/1/progress").status == 404


# -- timelines -----------------------------------------------------------------------------------------
def told(entries):
    """`failed#1`, `>upgradeFirmware` (down), `<upgradeFirmwareProgress` (up), `online`."""
    arrows = {"down": ">", "up": "<", None: ""}
    return [
        (
            f"{entry['state']['value']}#{entry['attempt']}"
            if entry["kind"] == "state"
            else arrows[entry.get("direction")] + entry["type"]
        )
        for entry in entries
    ]


def test_the_timeline_of_a_record(api, world):
    product, [device], _, task = world.ready_push(1)
    with world.connected(product, device) as connected:
        push = connected.wait_push()
        connected.reply(push["messageId"])
        connected.progress(40, "1.1")
        connected.fail("1.1", "checksum mismatch 12")
        record = world.wait_state(task, "failed")
        path = f"{RECORD}/{record['id']}/timeline"
        api.post(f"{TASK}/{task['id']}/_start", ["failed"])
        connected.wait_push()
        connected.succeed("1.1")
        world.wait_state(task, "success")
    eventually(lambda: "online" in told(api.get(path)))  # presence is stored a little later
    entries = api.get(path)
    story = [line for line in told(entries) if line not in ("online", "offline")]
    assert story == [
        "waiting#1",
        "processing#1",
        ">upgradeFirmware",
        "<upgradeFirmwareReply",
        "<upgradeFirmwareProgress",
        "<upgradeFirmwareProgress",
        "failed#1",
        "waiting#2",
        "processing#2",
        ">upgradeFirmware",
        "<upgradeFirmwareProgress",
        "success#2",
    ]
    times = [entry["timestamp"] for entry in entries]
    assert times == sorted(times)
    failed = next(entry for entry in entries if entry.get("errorReason"))
    assert (failed["errorReason"], failed["progress"]) == ("checksum mismatch 12", 40)
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert api.call("GET", f"{RECORD}/1/timeline").status == 404


def test_the_timeline_of_a_device_is_paged_by_time(api, world):
    product, [device], firmware, task = world.ready_push(1)
    fail_all(world, product, [device], ["disk full"])
    world.wait_state(task, "failed")
    path = f"/device-instance/{device}/timeline"
    eventually(lambda: "offline" in told(api.get(path)))
    everything = api.get(path)
    assert told(everything)[-1] == "waiting#1"
    assert told(everything)[0] == "offline"
    paged, before = [], ""
    while True:
        page = api.get(f"{path}?limit=2{before}")
        paged += page
        if len(page) < 2:
            break
        before = f"&before={page[-1]['timestamp']}"
    assert paged == everything
    api.refused("GET", f"{path}?before=yesterday", en="before", zh="before")
    assert api.call("GET", "/device-instance/nobody/timeline").status == 404
