#!/usr/bin/env python3
"""Holds every #include under src/ to the table of allowed edges; prints each breach and exits 1."""
import pathlib
import re
import sys

ALLOWED = {
    "base": {"base"},
    "domain": {"domain", "base"},
    "protocol": {"protocol", "domain", "base"},
    "app": {"app", "protocol", "domain", "base"},
    "storage": {"storage", "app", "domain", "base"},
    "scripting": {"scripting", "app", "domain", "base"},
    "scheduler": {"scheduler", "app", "protocol", "domain", "base"},
    "transport": {"transport", "app", "protocol", "domain", "base"},
    "client": {"client", "base"},
    "simulator": {"simulator", "client", "protocol", "domain", "base"},
    "cli": {"cli", "client", "base"},
    "server": {"server", "transport", "scheduler", "scripting", "storage", "simulator", "cli", "client", "app", "protocol", "domain", "base"},
}
# Adapters of one layer that must not know each other, and libraries that must not get inside.
SEPARATE = {("transport/http", "transport/mqtt"), ("transport/mqtt", "transport/http"),
            ("storage/artifacts", "storage/sql"), ("storage/artifacts", "storage/sqlite"),
            ("storage/sql", "storage/artifacts")}
OUTSIDE_FORBIDDEN = {
    "domain": re.compile(r"boost/|sqlite3|openssl|spdlog|<thread>|<mutex>|<random>|<fstream>"),
    "protocol": re.compile(r"asio|beast|sqlite3|spdlog|<thread>|<mutex>|<random>|<fstream>"),
    "app": re.compile(r"asio|beast|sqlite3|lua"),
    "scripting": re.compile(r"asio|beast|sqlite3|openssl"),
}
# Clients share the server's streams, and the simulator the packet codec; nothing else.
EXTRA = {"client": {"transport/net/"}, "simulator": {"transport/mqtt/packet", "transport/net/"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])')


def breaches(root):
    source = root / "src"
    for path in sorted(source.rglob("*.[ch]pp")):
        name = path.relative_to(source).as_posix()
        layer = name.split("/")[0]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            spelled = match.group(1)
            included = spelled[1:-1]
            where = f"src/{name}:{number}"
            if spelled.startswith("<"):
                forbidden = OUTSIDE_FORBIDDEN.get(layer)
                if forbidden and forbidden.search(spelled) and not (layer == "protocol" and name.endswith(".cpp")):
                    yield f"{where}: {layer} must not know {spelled}"
                continue
            target = included.split("/")[0]
            if target in ALLOWED and target not in ALLOWED[layer]:
                if not any(included.startswith(prefix) for prefix in EXTRA.get(layer, ())):
                    yield f"{where}: {layer} must not include {included}"
            folder = "/".join(name.split("/")[:2])
            other = "/".join(included.split("/")[:2])
            if (folder, other) in SEPARATE:
                yield f"{where}: {folder} must not include {included}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = list(breaches(root))
    print("\n".join(found) if found else "layers: every include is allowed")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
