#!/usr/bin/python3
"""Checks api/openapi.yaml: that the document is sound in itself, and that it and the server name the
same operations.

    tools/check_openapi.py api/openapi.yaml                          the document alone
    tools/check_openapi.py api/openapi.yaml build/release/updraft    and what the binary serves
    tools/check_openapi.py api/openapi.yaml --routes FILE            and the output of `updraft routes`

Prints one line a finding; exit code 1 if there is one.
"""
import re
import subprocess
import sys

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Served, but not part of the REST API: devices' dialects have their own specifications, and the pages
# and the console are files.
OTHER_CONTRACTS = [
    re.compile(pattern)
    for pattern in (
        r"^/$",
        r"^/(console|setup|pages|docs)(/.*)?$",
        r"^/favicon\.ico$",
        r"^/\{[^/]*\}/controller/v1(/.*)?$",  # hawkBit DDI
        r"^/api/devices/v[12](/.*)?$",  # Mender
        r"^/\{[^/]*\}/\{[^/]*\}/.*$",  # JetLinks devices over HTTP and WebSocket (spec 4.6)
    )
]


def load(path):
    """The document as plain dictionaries; a key that stands twice in one mapping is an error."""

    class Loader(yaml.CSafeLoader):
        pass

    def mapping(loader, node):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value!r} stands twice")
            seen.add(key.value)
        return yaml.CSafeLoader.construct_mapping(loader, node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    with open(path, encoding="utf-8") as file:
        return yaml.load(file, Loader)


def resolve(document, node):
    """Follows `$ref` to what it names. Raises KeyError when there is nothing."""
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def references(node, where=""):
    """All (`$ref`, where it stands) below `node`."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"], where
        for key, value in node.items():
            yield from references(value, f"{where}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from references(value, f"{where}/{index}")


def operations(document):
    """All (METHOD, path, operation, path item), shared path items once for each of their paths."""
    for path, entry in document["paths"].items():
        item = resolve(document, entry)
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method], item


def check_references(document):
    used = set()
    for reference, where in references(document):
        try:
            resolve(document, {"$ref": reference})
        except (KeyError, TypeError):
            yield f"{where}: {reference} names nothing"
        used.add(reference)
    for kind, entries in document["components"].items():
        for name in entries:
            if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used:
                yield f"#/components/{kind}/{name}: nothing refers to it"


def check_operation(document, method, path, operation, item):
    where = f"{method} {path}"
    for member in ("operationId", "summary", "tags", "responses"):
        if not operation.get(member):
            yield f"{where}: no {member}"
    known_tags = {tag["name"] for tag in document["tags"]}
    for tag in operation.get("tags", []):
        if tag not in known_tags:
            yield f"{where}: tag {tag} is not declared"
    parameters = [
        resolve(document, each)
        for each in operation.get("parameters", []) + item.get("parameters", [])
    ]
    declared = {each["name"] for each in parameters if each["in"] == "path"}
    in_path = set(re.findall(r"\{([^}]+)\}", path))
    for name in in_path ^ declared:
        yield f"{where}: path parameter {name} is " + (
            "not declared" if name in in_path else "not in the path"
        )
    for status, response in operation.get("responses", {}).items():
        if not re.fullmatch(r"[1-5]\d\d|[1-5]XX|default", str(status)):
            yield f"{where}: {status} is no status"
        if "description" not in resolve(document, response):
            yield f"{where}: response {status} has no description"


def check_schemas(document):
    for name, schema in document["components"]["schemas"].items():
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            yield f"schema {name}: {error.message}"
            continue
        if isinstance(schema, dict) and "example" in schema:
            whole = {"components": document["components"], "$ref": f"#/components/schemas/{name}"}
            for error in Draft202012Validator(whole).iter_errors(schema["example"]):
                yield f"schema {name}: its example breaks it: {error.message[:200]}"


def check_document(document):
    """All findings about the document alone."""
    if not str(document.get("openapi", "")).startswith("3.1."):
        yield "openapi: the document must be of version 3.1"
    findings = list(check_references(document))
    yield from findings
    if any("names nothing" in finding for finding in findings):
        return
    owners = {}
    for method, path, operation, item in operations(document):
        yield from check_operation(document, method, path, operation, item)
        owner = owners.setdefault(operation.get("operationId"), id(operation))
        if owner != id(operation):
            yield f"{method} {path}: operationId {operation.get('operationId')} is taken"
    yield from check_schemas(document)


def nameless(path):
    """`/firmware/{id}` and `/firmware/{key}` are one address; so are `/file/upload.{suffix}` and
    `/file/{id}`, because the server's patterns take whole segments."""
    return re.sub(r"[^/]*\{[^}]*\}[^/]*", "{}", path)


def check_routes(document, lines):
    """What is served and not declared, and declared and not served; HEAD and OPTIONS come with GET."""
    declared = {(method, nameless(path)): path for method, path, _, _ in operations(document)}
    served = {}
    for line in filter(None, map(str.strip, lines)):
        method, pattern = line.split()[:2]
        served[(method, nameless(pattern))] = pattern
    for (method, key), pattern in sorted(served.items()):
        if (method, key) in declared or method in ("HEAD", "OPTIONS"):
            continue
        if not any(other.match(pattern) for other in OTHER_CONTRACTS):
            yield f"{method} {pattern}: served, but not in the document"
    for (method, key), path in sorted(declared.items()):
        if (method, key) not in served:
            yield f"{method} {path}: in the document, but not served"


def routes_of(binary):
    answer = subprocess.run(
        [binary, "routes"], capture_output=True, text=True, timeout=30, check=True
    )
    return answer.stdout.splitlines()


def main(arguments):
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 2
    document = load(arguments[0])
    findings = list(check_document(document))
    if not findings and len(arguments) > 1:
        if arguments[1] == "--routes":
            with open(arguments[2], encoding="utf-8") as file:
                findings = list(check_routes(document, file))
        else:
            findings = list(check_routes(document, routes_of(arguments[1])))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
