"""The table: one row a figure, its yardstick and its target beside it; kept as JSON and Markdown."""
import json
import time
import traceback

from rig.targets import target_of


def percentile(values, share):
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))] if ordered else None


def number(value):
    """A figure as people read it: 1,234 or 12.3 or 0.123."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.3g}"


class Report:
    """Gathers rows and prints each as it comes. A row's id never changes: documents refer to it."""

    def __init__(self, about):
        self.about = about
        self.rows = []
        self.failures = []

    def add(self, id, what, value, unit, *, yardstick="", yardstick_value=None, devices=None, note=""):
        ratio = value / yardstick_value if yardstick_value else None
        row = {"id": id, "devices": devices, "what": what, "value": value, "unit": unit, "yardstick": yardstick,
               "yardstick_value": yardstick_value, "ratio": ratio, "note": note}
        target = target_of(id)
        if target and target.applies_to(devices):
            row |= {"target": target.text, "met": target.met(value, ratio)}
        self.rows.append(row)
        at = f" [{devices:,} devices]" if devices else ""
        beside = f"   {yardstick}: {number(yardstick_value)}, ratio {ratio:.2f}" if ratio is not None else ""
        judged = f"   target {row['target']}: {'met' if row['met'] else 'MISSED'}" if "target" in row else ""
        print(f"{what + at:76} {number(value):>12} {unit}{beside}{judged}", flush=True)

    def attempt(self, subject, measure, *arguments):
        """Runs one subject; what fails is reported, and the rest goes on."""
        began = time.monotonic()
        print(f"-- {subject}", flush=True)
        try:
            measure(*arguments)
        except Exception as error:  # whatever it is, the other subjects are still worth their time
            self.failures.append({"subject": subject, "reason": f"{type(error).__name__}: {error}"})
            print(f"FAILED {subject}: {error}\n{traceback.format_exc()}", flush=True)
        self.about.setdefault("seconds", {})[subject] = round(time.monotonic() - began, 1)

    def value(self, id, devices=None):
        """The figure of a row; None if it is not there."""
        return next((row["value"] for row in self.rows if row["id"] == id and row["devices"] == devices), None)

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        content = {"about": self.about, "rows": self.rows, "failures": self.failures}
        (folder / "report.json").write_text(json.dumps(content, indent=2, ensure_ascii=False))
        (folder / "report.md").write_text(markdown(content))


def about_lines(about):
    machine = about["machine"]
    versions = ", ".join(text if name in text else f"{name} {text}" for name, text in about["versions"].items() if text)
    return [f"Measured {machine['began']} by `{about['command']}`: {machine['cores']} cores ({machine['processor']}), "
            f"{machine['memory_gib']} GiB, loopback, server on one core and load on the other; load average before "
            f"{machine['load_average']}, behind {about.get('load_average_behind', 'unknown')}.", "", f"Versions: {versions}."]


def row_line(row, with_id):
    beside = row["yardstick"]
    if row["ratio"] is not None:
        beside = f"{beside}: {number(row['yardstick_value'])}; ratio {row['ratio']:.2f}"
    judged = f"{row['target']}: {'met' if row['met'] else '**missed**'}" if "target" in row else ""
    name = f"{row['what']}, {row['devices']:,} devices" if row["devices"] else row["what"]
    cells = [name, f"{number(row['value'])} {row['unit']}", judged, beside]
    if with_id:
        cells = [f"`{row['id']}`", *cells, row["note"]]
    return "| " + " | ".join(cells) + " |"


def main_table(rows, with_id=False):
    heads = ["what", "figure", "target", "yardstick in the same run"]
    heads = ["row", *heads, "note"] if with_id else heads
    return ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads), *(row_line(row, with_id) for row in rows)]


def growth_table(rows):
    """The rows that were measured at several sizes, a column a size."""
    sizes = sorted({row["devices"] for row in rows if row["devices"]})
    by_id = {}
    for row in rows:
        if row["devices"]:
            by_id.setdefault(row["id"], {})[row["devices"]] = row
    lines = ["| what | " + " | ".join(f"{size:,} devices" for size in sizes) + " |", "|" + " --- |" * (len(sizes) + 1)]
    for at in by_id.values():
        if len(at) < min(2, len(sizes)):
            continue
        first = next(iter(at.values()))
        figures = [f"{number(at[size]['value'])} {at[size]['unit']}" if size in at else "" for size in sizes]
        lines.append(f"| {first['what']} | " + " | ".join(figures) + " |")
    return lines


def largest(rows):
    """Of rows that were measured at several sizes, those of the largest."""
    top = max((row["devices"] for row in rows if row["devices"]), default=None)
    return [row for row in rows if row["devices"] in (None, top)]


def markdown(content):
    rows = content["rows"]
    missed = [row for row in rows if row.get("met") is False]
    lines = ["# Figures of `make bench`", "", *about_lines(content["about"]), ""]
    lines += [f"- **failed**: {each['subject']}: {each['reason']}" for each in content["failures"]]
    lines += [f"- **missed**: `{row['id']}` {row['what']}: {number(row['value'])} {row['unit']}; wanted {row['target']}"
              for row in missed]
    lines += ["", *main_table(largest(rows), with_id=True)]
    if any(row["devices"] for row in rows):
        lines += ["", "## Growth", "", *growth_table(rows)]
    return "\n".join(lines) + "\n"
