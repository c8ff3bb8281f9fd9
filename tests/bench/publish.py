#!/usr/bin/env python3
"""Writes the figures of a report into the documents that tell them: both READMEs and docs/operating/sizing.md, between
their `figures` marks. `python3 tests/bench/publish.py build/bench/report.json` after a run on a quiet machine."""
import json
import pathlib
import re
import sys

from rig.report import about_lines, growth_table, largest, main_table, number
from rig.rules import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- figures: {} -->", "<!-- end of figures -->"

# Of the many rows, those that the README shows.
README_ROWS = (
    "start_empty", "start_fleet", "restart_killed", "memory_idle", "memory_registered", "memory_seen", "ddi_poll",
    "ddi_poll_half_p99", "jetlinks_pull", "plain_pull", "console_poll", "mqtt_sign_ins_cpu", "mqtt_memory",
    "mqtt_memory_tls", "mqtt_report", "mqtt_pull", "mqtt_progress", "mqtt_upgrades", "push_fan_out", "live_lag_p50",
    "live_lag_p99", "download", "download_tls", "ranges_1m", "ranges_64k", "slow_reader_memory",
    "slow_readers_normal_p99", "slow_readers_normal_p99_nginx", "upload", "upload_two_cores", "upload_memory",
    "task_answered", "task_first_served", "task_all_records", "task_counters_wrong", "record_page_any", "record_page_worst")


def readme_block(report):
    rows = {row["id"]: row for row in largest(report["rows"])}
    # Of the many pages of records the slowest speaks for all.
    missed = [row for row in rows.values() if row.get("met") is False
              and (not row["id"].startswith("record_page_") or row["id"] == "record_page_worst")]
    lines = [*about_lines(report["about"]), "", *main_table([rows[id] for id in README_ROWS if id in rows])]
    if missed:
        lines += ["", "Below its target: " + "; ".join(
            f"{row['what']} ({number(row['value'])} {row['unit']}, wanted {row['target']})" for row in missed) + "."]
    return lines


# What README.zh-CN.md shows, rows of a kind in one line.
CHINESE_ROWS = (
    ("启动至就绪：无设备 / 100 万设备", "start_empty", "start_fleet"),
    ("kill -9 后重新就绪（有负载）", "restart_killed"),
    ("常驻内存：空闲 / 100 万设备全部轮询过", "memory_idle", "memory_seen"),
    ("hawkBit DDI 轮询（无更新）", "ddi_poll"),
    ("JetLinks HTTP 拉取（无更新）", "jetlinks_pull"),
    ("普通 HTTPS 拉取（无更新）", "plain_pull"),
    ("MQTT 登录，每 CPU 秒", "mqtt_sign_ins_cpu"),
    ("每个空闲 MQTT 连接的内存", "mqtt_memory"),
    ("MQTT 拉取（无新固件，已应答）", "mqtt_pull"),
    ("MQTT 进度上报（提交后 PUBACK）", "mqtt_progress"),
    ("推送（先存储后发出）", "push_fan_out"),
    ("下载 256 MiB：明文 / TLS", "download", "download_tls"),
    ("1 MiB 分段下载：明文 / TLS", "ranges_1m", "ranges_1m_tls"),
    ("64 KiB 分段下载（明文）", "ranges_64k"),
    ("一万个慢速下载旁，普通客户端的 p99", "slow_readers_normal_p99"),
    ("上传 4 GiB（已落盘，服务器一核）", "upload"),
    ("100 万设备的任务：应答 / 全部记录", "task_answered", "task_all_records"),
    ("100 万条记录中的任意一页 / 最慢的查询，p95", "record_page_any", "record_page_worst"),
)
CHINESE = {"requests/s": "次/s", "pulls/s": "次/s", "pushes/s": "次/s", "events/s": "次/s", "connects": "次",
           "nginx, small JSON file": "nginx 小 JSON 文件", "mosquitto, anonymous": "mosquitto（匿名）",
           "mosquitto QoS 1, nothing stored": "mosquitto QoS 1（不存储）", "the same client alone": "该客户端独自时",
           "the three digests in one pass, one core": "一次计算三种摘要（一核）",
           "bare SQLite, same table and indexes, chunks of 10,000": "SQLite 直接写入", "bare keyset page, p95": "最简分页查询",
           "10,000 a CPU-second": "10,000", "at least 95% of the yardstick": "参照的 95%",
           "at least 90% of the yardstick": "参照的 90%", "at most twice the yardstick": "至多为参照的 2 倍", "0.4 GB/s (381 MiB/s)": "381 MiB/s"}


def in_chinese(text):
    return CHINESE.get(text, text)


def joined(texts):
    """Equal ones once."""
    return " / ".join(dict.fromkeys(texts))


def chinese_line(what, rows):
    judged = [row for row in rows if "target" in row]
    target = joined(in_chinese(row["target"]) for row in judged)
    if judged:
        target += "：" + joined("达到" if row["met"] else "**未达到**" for row in judged)
    beside = [row for row in rows if row["ratio"] is not None]
    yardstick = joined(in_chinese(row["yardstick"]) for row in beside)
    if beside:
        yardstick += (": " + " / ".join(number(row["yardstick_value"]) for row in beside)
                      + "；比值 " + " / ".join(f"{row['ratio']:.2f}" for row in beside))
    value = " / ".join(number(row["value"]) for row in rows)
    return f"| {what} | {value} {in_chinese(rows[0]['unit'])} | {target} | {yardstick} |"


def chinese_block(report):
    rows = {row["id"]: row for row in largest(report["rows"])}
    machine = report["about"]["machine"]
    lines = [f"{machine['began']} 测得：{machine['cores']} 核 ({machine['processor']}), {machine['memory_gib']} GiB, 回环网络, "
             f"服务器与负载各占一核, 测量前平均负载 {machine['load_average']}。", "",
             "| 项目 | 数值 | 目标 | 同一次运行中的参照 |", "| --- | --- | --- | --- |"]
    return lines + [chinese_line(what, [rows[id] for id in ids]) for what, *ids in CHINESE_ROWS
                    if all(id in rows for id in ids)]


def sizing_block(report):
    rows = {row["id"]: row for row in largest(report["rows"])}
    lines = [*about_lines(report["about"])[:1], "", "| what | rule of thumb | rows of the report |", "| --- | --- | --- |"]
    for rule in rules():
        if all(id in rows for id in rule.ids):
            said = rule.say(*(rows[id]["value"] for id in rule.ids))
            lines.append(f"| {rule.what} | {said} | {', '.join(f'`{id}`' for id in rule.ids)} |")
    return lines


def growth_block(report):
    return growth_table([row for row in report["rows"] if not row["id"].startswith("record_page_")
                         or row["id"] in ("record_page_first", "record_page_any", "record_page_worst")])


BLOCKS = {"README.md": {"main": readme_block},
          "README.zh-CN.md": {"main": chinese_block},
          "docs/operating/sizing.md": {"rules": sizing_block, "growth": growth_block}}


def put(text, name, lines):
    """The document with the lines between the marks of that name."""
    begin = BEGIN.format(name)
    marked = re.compile(re.escape(begin) + r"\n.*?" + re.escape(END), re.DOTALL)
    if not marked.search(text):
        raise SystemExit(f"no line {begin}")
    return marked.sub(lambda _: "\n".join([begin, *lines, END]), text)


def main():
    report = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for document, blocks in BLOCKS.items():
        path = ROOT / document
        text = path.read_text()
        for name, block in blocks.items():
            text = put(text, name, block(report))
        path.write_text(text)
        print(path)


if __name__ == "__main__":
    main()
