#!/usr/bin/env python3
"""Makes the built web console (web/dist) a part of the server.

    embed_console.py DIST OUT_DIR

Writes OUT_DIR/console.bin, the bytes of all files one after the other, and OUT_DIR/console_files.cpp, the
table that names them. A file's twins `x.br` and `x.gz` are its compressed forms; a gzip form that is not
there is made. Without DIST the table is empty: the server then says how to build the console. Files whose
content is the same already are not touched, so that nothing is compiled again."""
import gzip
import hashlib
import pathlib
import sys

ENCODED = (".br", ".gz")
LEFT_OUT = (".map",)  # source maps: large, and of no use without a debugger
COMPRESSED_FROM_BYTES = 1024
NONCE = b"%CSP_NONCE%"


def console_files(dist):
    """Paths below `dist` of the files to serve, index.html among them; none if there is no console."""
    if not (dist / "index.html").is_file():
        return []
    found = (path.relative_to(dist) for path in dist.rglob("*") if path.is_file())
    return sorted(
        path
        for path in found
        if path.suffix not in ENCODED + LEFT_OUT
        and not any(part.startswith(".") for part in path.parts)
    )


def encoded_forms(dist, path, content):
    """(brotli, gzip) of a file; empty where there is none or it would not be smaller."""
    if path.name == "index.html" or len(content) < COMPRESSED_FROM_BYTES:
        return b"", b""  # the page is made anew for every answer: it carries a nonce
    forms = []
    for ending in ENCODED:
        twin = dist / (str(path) + ending)
        form = twin.read_bytes() if twin.is_file() else b""
        if not form and ending == ".gz":
            form = gzip.compress(content, 9, mtime=0)
        forms.append(form if len(form) < len(content) * 0.95 else b"")
    return tuple(forms)


def write_if_changed(path, content):
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def table(dist, blob_path):
    """(bytes of all files, text of the C++ file that names them)."""
    blob = bytearray()
    rows = []

    def placed(content):
        offset = len(blob)
        blob.extend(content)
        return f"{{console_bytes + {offset}, {len(content)}}}"

    for path in console_files(dist):
        content = (dist / path).read_bytes()
        if path.name == "index.html" and NONCE not in content:
            sys.exit(f"{dist / path}: the placeholder {NONCE.decode()} is missing")
        forms = (content, *encoded_forms(dist, path, content))
        etag = hashlib.sha256(content).hexdigest()[:24]
        cells = ", ".join(placed(form) for form in forms)
        rows.append(f'    {{"{path.as_posix()}", "{etag}", {cells}}},\n')
    blob.append(0)
    return bytes(blob), SOURCE.format(blob=blob_path, rows="".join(rows), count=len(rows))


SOURCE = """// Made by tools/embed_console.py.
#include "server/console.hpp"

#include <array>

asm(".pushsection .rodata\\n"
    ".global updraft_console_bytes\\n"
    ".balign 16\\n"
    "updraft_console_bytes:\\n"
    ".incbin \\"{blob}\\"\\n"
    ".popsection\\n");
extern "C" const char console_bytes[] asm("updraft_console_bytes");

namespace updraft::server {{
namespace {{

const std::array<ConsoleFile, {count}> all{{{{
{rows}}}}};

}}  // namespace

std::span<const ConsoleFile> embedded_console() {{ return all; }}

}}  // namespace updraft::server
"""


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    dist, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve()
    blob, source = table(dist, out / "console.bin")
    write_if_changed(out / "console.bin", blob)
    write_if_changed(out / "console_files.cpp", source.encode())


if __name__ == "__main__":
    main()
