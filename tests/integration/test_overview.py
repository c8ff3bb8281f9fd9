"""GET /overview: what a console's first page shows."""
import datetime

from support.waiting import eventually


def test_the_overview_counts_what_happens(private_server, tmp_path):
    from support.builders import World

    server = private_server(environment={"TZ": "CST-8"})
    api = server.api()
    world = World(server, api)
    empty = api.get("/overview")
    assert empty["devices"] == {"total": 0, "online": 0, "offline": 0, "notActive": 0}
    assert empty["tasks"] == {"running": 0, "list": []}
    product = world.product()
    good, bad, idle = world.devices(product, 3)
    world.device(product, deploy=False)
    task = world.task(world.foreign_firmware(product), [good, bad, idle])
    with world.connected(product, good) as device:
        device.wait_push()
        device.succeed("1.1")
        with world.connected(product, bad) as other:
            other.wait_push()
            other.fail("1.1", "校验失败")
            seen = eventually(
                lambda: (found := api.get("/overview"))["days"][-1]["failed"] == 1
                and found["devices"]["online"] == 2
                and found
            )

    assert seen["devices"] == {"total": 4, "online": 2, "offline": 1, "notActive": 1}
    assert seen["products"] == [
        {
            "productId": product,
            "productName": product,
            "total": 4,
            "versions": [{"version": "1.1", "count": 1}],
            "otherCount": 0,
            "unknownCount": 3,
        }
    ]
    assert (seen["tasks"]["running"], [row["id"] for row in seen["tasks"]["list"]]) == (
        1,
        [task["id"]],
    )
    days = seen["days"]
    assert (days[-1]["success"], days[-1]["failed"]) == (1, 1)
    assert [day["success"] + day["failed"] for day in days[:-1]] == [0] * 13
    zone = datetime.timezone(datetime.timedelta(hours=8))
    start = datetime.datetime.fromtimestamp(days[-1]["timestamp"] / 1000, zone)
    assert (start.isoformat()[:10], start.hour, start.minute) == (days[-1]["date"], 0, 0)


def test_nobody_sees_what_they_may_not_query(world):
    assert world.person({}).get("/overview") == {}
    assert world.api.clone(token=None).call("GET", "/overview").status == 401
