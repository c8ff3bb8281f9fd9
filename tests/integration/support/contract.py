"""Holds answers to api/openapi.yaml: path, method, status, content type and schema."""
import functools
import json
import pathlib
import re
import sys

from jsonschema import Draft202012Validator, RefResolver

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools"))
import check_openapi  # noqa: E402  (found through the path above)

DOCUMENT = ROOT / "api" / "openapi.yaml"


class ContractBroken(AssertionError):
    """An answer that the document does not allow."""


class Contract:
    def __init__(self, path=DOCUMENT):
        self.document = check_openapi.load(path)
        self._resolver = RefResolver("", self.document)
        self._paths = []
        for template, entry in self.document["paths"].items():
            pattern = re.sub(r"\\\{[^}]*\\\}", "([^/]+)", re.escape(template))
            parameters = template.count("{")
            self._paths.append(
                (
                    parameters,
                    re.compile(pattern + "$"),
                    template,
                    check_openapi.resolve(self.document, entry),
                )
            )
        self._paths.sort(key=lambda each: each[0])  # literal segments win over parameters

    def operation(self, method, path):
        """(template, operation): operation is None if only other methods are declared there, both are
        None for an unknown path."""
        path = path.split("?", 1)[0]
        if path == "/api" or path.startswith("/api/"):
            path = path[4:] or "/"
        if len(path) > 1:
            path = path.rstrip("/")
        known = None
        for _, pattern, template, item in self._paths:
            if pattern.match(path):
                operation = item.get(method.lower()) or (
                    item.get("get") if method == "HEAD" else None
                )
                if operation:
                    return template, operation
                known = known or template
        return known, None

    def check(self, method, path, status, headers, body, bare=False):
        """Raises ContractBroken unless the answer is one that the document declares."""
        template, operation = self.operation(method, path)
        where = f"{method} {path} -> {status}"
        media_type = (headers.get("Content-Type") or "").split(";")[0].strip().lower()
        if method == "OPTIONS":
            return
        if operation is None:
            expected = (404,) if template is None else (404, 406)
            if status not in expected and status != 401:
                raise ContractBroken(f"{where}: not in the document; expected {expected}")
            self._check_schema(where, "Error", self._component("Error"), body)
            return
        responses = operation["responses"]
        declared = responses.get(str(status)) or responses.get(f"{status // 100}XX")
        if declared is None:
            raise ContractBroken(
                f"{where}: status not declared ({', '.join(responses)}): {body[:300]!r}"
            )
        content = check_openapi.resolve(self.document, declared).get("content")
        if method == "HEAD" or content is None or (not body and "*/*" in content):
            return
        schema = content.get(media_type) or content.get("*/*")
        if schema is None:
            raise ContractBroken(
                f"{where}: content type {media_type!r} not declared ({', '.join(content)})"
            )
        if media_type == "application/json" and "*/*" not in content:
            key = f"{operation['operationId']} {status} {bare}"
            wanted = schema["schema"]
            if bare and status == 200:
                wanted = wanted.get("properties", {}).get("result", True)
            self._check_schema(where, key, wanted, body)
        elif media_type == "application/x-ndjson":
            for line in filter(None, body.split(b"\n")):
                self._check_schema(
                    where, f"{operation['operationId']} item", schema["x-item"], line
                )

    def _component(self, name):
        return {"$ref": f"#/components/schemas/{name}"}

    @functools.lru_cache(maxsize=None)
    def _validator(self, key):
        return Draft202012Validator(self._schemas[key], resolver=self._resolver)

    _schemas = {}

    def _check_schema(self, where, key, schema, body):
        try:
            value = json.loads(body)
        except ValueError as error:
            raise ContractBroken(f"{where}: not JSON: {body[:300]!r}") from error
        self._schemas.setdefault(key, schema)
        for error in self._validator(key).iter_errors(value):
            at = "/".join(map(str, error.absolute_path))
            raise ContractBroken(f"{where}: at /{at}: {error.message[:600]}")


@functools.lru_cache(maxsize=None)
def contract():
    return Contract()
