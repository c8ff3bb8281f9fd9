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
