"""The fleet under test, made through the REST API as an operator makes it."""
import time

PRODUCT = "bench"
SECURE_ID = SECURE_KEY = "bench"
TOKEN = "bench-product-token-0123456789"
LINES_OF_A_FILE = 100_000
LATER = 99_999  # seconds: no record of the bench comes to its deadline


def device_id(number):
    return f"{PRODUCT}-{number}"


def make_product(rest):
    """The product whose devices sign in with one key over MQTT and one token over HTTP and DDI."""
    rest.post("/device-product", {
        "id": PRODUCT, "name": PRODUCT, "messageProtocol": "jetlinks.v3.0", "transportProtocol": "MQTT",
        "deviceType": "device", "configuration": {"secureId": SECURE_ID, "secureKey": SECURE_KEY}})
    rest.post(f"/device-product/{PRODUCT}/deploy", {})
    rest.post(f"/device-product/{PRODUCT}/credentials", {"kind": "token", "token": TOKEN, "name": "bench"})


def register(rest, count, first=1):
    """Enabled devices bench-1 ... bench-N by CSV import; answers the seconds it took."""
    began = time.monotonic()
    for begin in range(first, first + count, LINES_OF_A_FILE):
        numbers = range(begin, min(begin + LINES_OF_A_FILE, first + count))
        lines = "".join(f"{device_id(number)},Device {number}\n" for number in numbers)
        report = rest.post(f"/device-instance/_import?productId={PRODUCT}&enable=true",
                           raw=("id,name\n" + lines).encode(), content_type="text/csv")
        if report["added"] != len(numbers):
            raise RuntimeError(f"only {report['added']} of {len(numbers)} devices were added: {report}")
    return time.monotonic() - began


def make_firmware(rest, order, size=1 << 20):
    """A firmware without bytes of its own: its address is somewhere else."""
    return rest.post("/firmware", {
        "name": f"bench {order}", "productId": PRODUCT, "version": f"{order}.0", "versionOrder": order,
        "signMethod": "md5", "sign": "0" * 32, "url": f"http://cdn.example/{order}.bin", "size": size,
        "properties": []})


def make_task(rest, firmware, mode="pull", **members):
    """A task over all devices of the product."""
    body = {"name": f"bench {firmware['version']} {mode}", "mode": mode, "timeoutSeconds": LATER,
            "releaseType": "all", "firmwareId": firmware["id"], "productId": PRODUCT, **members}
    if mode == "push":
        body["responseTimeoutSeconds"] = LATER
    return rest.post("/firmware/upgrade/task", body)


def task_detail(rest, task):
    return rest.get(f"/firmware/upgrade/task/{task['id']}")
