"""How long a small request waits: a program of its own, so that it does not wait for Python's lock beside
the threads of whoever attacks the server meanwhile."""
import http.client
import pathlib
import subprocess
import sys
import time

REQUESTS = 400  # so that the p99 is the fourth longest


def p99_ms(address, token):
    """Of an operator's small request over one connection that is kept alive, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "support.p99", address], input=token, capture_output=True,
                          text=True, timeout=120, cwd=pathlib.Path(__file__).parent.parent)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def measure(address, token):
    host, port = address.rsplit(":", 1)
    connection, waited = http.client.HTTPConnection(host, int(port), timeout=20), []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        connection.request("GET", "/authorize/me", headers={"X-Access-Token": token})
        answer = connection.getresponse()
        answer.read()
        waited.append((time.perf_counter() - began) * 1e3)
        assert answer.status == 200, answer.status
    connection.close()
    return sorted(waited)[int(REQUESTS * 0.99)]


if __name__ == "__main__":
    print(measure(sys.argv[1], sys.stdin.read()))
