#include "server/metrics.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "base/log.hpp"
#include "server/version.hpp"

namespace updraft::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Collects families: gauges, counters or histograms, with one label at most.
class Families {
public:
    void gauge(const std::string& name, const std::string& help, double value) {
        family(name, help, MetricType::Gauge).metric.push_back(gauge_of(value));
    }
    void counter(const std::string& name, const std::string& help, double value) {
        family(name, help, MetricType::Counter).metric.push_back(counter_of(value));
    }
    /// One counter of a family that `label` tells apart.
    void counter(const std::string& name, const std::string& help, const std::string& label,
                 const std::string& label_value, double value) {
        ClientMetric metric = counter_of(value);
        metric.label.push_back({label, label_value});
        family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
    }
    /// One gauge of a family that `label` tells apart.
    void gauge(const std::string& name, const std::string& help, const std::string& label,
               const std::string& label_value, double value) {
        ClientMetric metric = gauge_of(value);
        metric.label.push_back({label, label_value});
        family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
    }
    void histogram(const std::string& name, const std::string& help,
                   const Histogram::Snapshot& counted) {
        family(name, help, MetricType::Histogram).metric.push_back(histogram_of(counted));
    }
    void histogram(const std::string& name, const std::string& help, const std::string& label,
                   const std::string& label_value, const Histogram::Snapshot& counted) {
        ClientMetric metric = histogram_of(counted);
        metric.label.push_back({label, label_value});
        family(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
    }
    [[nodiscard]] std::string text() const {
        return prometheus::TextSerializer{}.Serialize(families_);
    }

private:
    static ClientMetric gauge_of(double value) {
        ClientMetric metric;
        metric.gauge.value = value;
        return metric;
    }
    static ClientMetric counter_of(double value) {
        ClientMetric metric;
        metric.counter.value = value;
        return metric;
    }
    static ClientMetric histogram_of(const Histogram::Snapshot& counted) {
        ClientMetric metric;
        std::uint64_t so_far = 0;
        for (std::size_t i = 0; i < counted.counts.size(); ++i) {
            so_far += counted.counts[i];
            const double bound = i < counted.bounds.size()
                                     ? counted.bounds[i]
                                     : std::numeric_limits<double>::infinity();
            metric.histogram.bucket.push_back({so_far, bound});
        }
        metric.histogram.sample_count = so_far;
        metric.histogram.sample_sum = counted.sum;
        return metric;
    }
    MetricFamily& family(const std::string& name, const std::string& help, MetricType type) {
        if (families_.empty() || families_.back().name != name) {
            families_.push_back({name, help, type, {}});
        }
        return families_.back();
    }
    std::vector<MetricFamily> families_;
};

double file_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator open("/proc/self/fd", error);
    return error ? 0 : static_cast<double>(std::distance(begin(open), end(open)));
}

/// The names that Prometheus' own client libraries use, so that their dashboards work.
void add_process(Families& out) {
    std::ifstream statm("/proc/self/statm");
    double size_pages = 0;
    double resident_pages = 0;
    statm >> size_pages >> resident_pages;
    const auto page_bytes = static_cast<double>(::sysconf(_SC_PAGESIZE));
    out.gauge("process_resident_memory_bytes", "Resident memory", resident_pages * page_bytes);
    out.gauge("process_virtual_memory_bytes", "Virtual memory", size_pages * page_bytes);

    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds_of = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    out.counter("process_cpu_seconds_total", "Processor time",
                seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
    out.gauge("process_open_fds", "Open file descriptors", file_descriptors());
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    out.gauge("process_max_fds", "File descriptors that may be open",
              static_cast<double>(limit.rlim_cur));
    out.gauge("updraft_build_info", "Always 1; the version is the label", "version", version, 1);
}

void add_http(Families& out, const http::Server::Counters& http,
              const std::vector<std::string>& groups) {
    out.gauge("updraft_http_connections", "Open HTTP connections",
              static_cast<double>(http.connections_open));
    out.counter("updraft_http_requests_total", "Requests",
                static_cast<double>(http.requests_total));
    for (int status_class = 1; status_class <= 5; ++status_class) {
        out.counter("updraft_http_responses_total", "Answers by class of status", "class",
                    std::to_string(status_class) + "xx",
                    static_cast<double>(http.responses_by_class[status_class]));
    }
    out.counter("updraft_http_refused_total", "Requests refused by a limit",
                static_cast<double>(http.refused_total));
    out.counter("updraft_http_sent_bytes_total", "Bytes sent",
                static_cast<double>(http.bytes_sent_total));
    out.counter("updraft_artifact_bytes_total", "Bytes of artifacts sent over HTTP",
                static_cast<double>(http.file_bytes_sent_total));
    for (std::size_t i = 0; i < groups.size() && i < http.latencies.size(); ++i) {
        out.histogram("updraft_http_request_seconds",
                      "Time from a request's head to its answer being ready, by route", "route",
                      groups[i], http.latencies[i]);
    }
}

void add_buffers(Families& out, const net::MemoryBudget& buffers) {
    out.gauge("updraft_buffer_bytes", "Bytes that connections hold of what peers sent or owe",
              static_cast<double>(buffers.used()));
    out.gauge("updraft_buffer_bytes_max", "Bytes that they may hold",
              static_cast<double>(buffers.bytes_max()));
    out.counter("updraft_buffer_refused_total", "How often there was no room for more",
                static_cast<double>(buffers.refused()));
}

void add_mqtt(Families& out, const mqtt::MqttCounters& mqtt) {
    const auto number = [](const auto& value) { return static_cast<double>(value.load()); };
    out.gauge("updraft_mqtt_connections", "Open MQTT connections", number(mqtt.connections));
    out.gauge("updraft_mqtt_devices", "Devices signed in over MQTT", number(mqtt.devices));
    out.counter("updraft_mqtt_accepted_total", "Connections accepted", number(mqtt.accepted));
    out.counter("updraft_mqtt_signed_in_total", "Sign-ins", number(mqtt.signed_in));
    out.counter("updraft_mqtt_taken_over_total", "Sessions that a newer connection replaced",
                number(mqtt.taken_over));
    out.counter("updraft_mqtt_messages_total", "PUBLISH packets", "direction", "in",
                number(mqtt.messages_in));
    out.counter("updraft_mqtt_messages_total", "PUBLISH packets", "direction", "out",
                number(mqtt.messages_out));
    out.counter("updraft_mqtt_redelivered_total", "Downlinks written again",
                number(mqtt.redelivered));
    const std::string refused = "updraft_mqtt_refused_total";
    const std::string refused_help = "Connections refused, by reason";
    out.counter(refused, refused_help, "reason", "credentials", number(mqtt.refused_credentials));
    out.counter(refused, refused_help, "reason", "client_id", number(mqtt.refused_client_id));
    out.counter(refused, refused_help, "reason", "version", number(mqtt.refused_version));
    out.counter(refused, refused_help, "reason", "unavailable", number(mqtt.refused_unavailable));
    out.counter(refused, refused_help, "reason", "limit", number(mqtt.refused_limit));
    const std::string ended = "updraft_mqtt_ended_total";
    const std::string ended_help = "Connections ended by the server, by reason";
    out.counter(ended, ended_help, "reason", "connect_timeout", number(mqtt.connect_timeouts));
    out.counter(ended, ended_help, "reason", "keep_alive", number(mqtt.keep_alive_timeouts));
    out.counter(ended, ended_help, "reason", "malformed", number(mqtt.malformed_packets));
    out.counter(ended, ended_help, "reason", "packet_timeout", number(mqtt.packet_timeouts));
    out.counter(ended, ended_help, "reason", "memory_full", number(mqtt.memory_full));
    out.counter(ended, ended_help, "reason", "not_stored", number(mqtt.not_stored));
    const std::string dropped = "updraft_mqtt_dropped_total";
    const std::string dropped_help = "Messages dropped, by reason";
    out.counter(dropped, dropped_help, "reason", "undecodable", number(mqtt.undecodable_messages));
    out.counter(dropped, dropped_help, "reason", "unknown_topic", number(mqtt.unknown_topics));
    out.counter(dropped, dropped_help, "reason", "outbox_full", number(mqtt.dropped_downlinks));
}

void add_websockets(Families& out, const device_http::WebSocketCounters& counters) {
    const auto number = [](const auto& value) { return static_cast<double>(value.load()); };
    out.gauge("updraft_websocket_devices", "Devices signed in over WebSocket",
              number(counters.devices));
    out.counter("updraft_websocket_taken_over_total",
                "Connections that a newer one of the device replaced", number(counters.taken_over));
    out.counter("updraft_websocket_messages_total", "Messages", "direction", "in",
                number(counters.messages_in));
    out.counter("updraft_websocket_messages_total", "Messages", "direction", "out",
                number(counters.messages_out));
    const std::string dropped = "updraft_websocket_dropped_total";
    const std::string dropped_help = "Messages without effect, by reason";
    out.counter(dropped, dropped_help, "reason", "undecodable", number(counters.undecodable));
    out.counter(dropped, dropped_help, "reason", "unknown", number(counters.unknown));
    out.counter(dropped, dropped_help, "reason", "not_stored", number(counters.not_stored));
}

void add_messages(Families& out, const DeviceMessages::Counters& counters) {
    out.counter("updraft_device_messages_total", "Messages of devices",
                static_cast<double>(counters.messages.load()));
    const std::string ignored = "updraft_device_messages_ignored_total";
    const std::string help = "Messages of devices without effect, by reason";
    out.counter(ignored, help, "reason", "foreign_device",
                static_cast<double>(counters.foreign_device.load()));
    out.counter(ignored, help, "reason", "unmatched",
                static_cast<double>(counters.unmatched.load()));
    out.counter(ignored, help, "reason", "not_stored",
                static_cast<double>(counters.not_stored.load()));
}

void add_scrub(Families& out, const ArtifactScrub& scrub) {
    const auto number = [](const auto& value) { return static_cast<double>(value.load()); };
    const ArtifactScrub::Counters& counters = scrub.counters();
    out.gauge("updraft_artifacts_damaged",
              "Stored files whose bytes do not match their digest; they are not served",
              static_cast<double>(scrub.damaged()));
    out.counter("updraft_scrub_artifacts_total", "Stored files read again",
                number(counters.artifacts));
    out.counter("updraft_scrub_read_bytes_total", "Bytes read again", number(counters.bytes));
    out.gauge("updraft_scrub_ended_seconds",
              "When all stored files had last been read again, in seconds since 1970; 0: not yet",
              number(counters.pass_ended_at_ms) / 1000);
}

void add_scripts(Families& out, const scripting::ScriptCounters& scripts) {
    const auto number = [](const auto& value) { return static_cast<double>(value.load()); };
    out.gauge("updraft_script_workers", "Processes that run Lua packages", number(scripts.workers));
    out.gauge("updraft_script_calls_queued", "Messages that wait for a script",
              number(scripts.queued));
    out.gauge("updraft_script_packages_paused", "Lua packages that are paused",
              number(scripts.paused));
    out.counter("updraft_script_workers_started_total", "Script processes started",
                number(scripts.started));
    out.counter("updraft_script_workers_stopped_total",
                "Script processes that were stopped, or ended by themselves",
                number(scripts.stopped));
    out.counter("updraft_script_batches_total", "Batches sent to scripts", number(scripts.batches));
    const std::string calls = "updraft_script_calls_total";
    const std::string help = "Messages given to scripts, by outcome";
    out.counter(calls, help, "outcome", "answered", number(scripts.answered));
    out.counter(calls, help, "outcome", "failed", number(scripts.failed));
    out.counter(calls, help, "outcome", "stopped", number(scripts.calls_stopped));
    out.counter(calls, help, "outcome", "paused", number(scripts.refused_paused));
    out.counter(calls, help, "outcome", "refused", number(scripts.refused_later));
}

void add_sign_ins(Families& out, const SignInCounters& counters) {
    const std::string name = "updraft_sign_ins_total";
    const std::string help = "Sign-ins of people, by outcome";
    const auto add = [&](const char* outcome, const std::atomic<std::uint64_t>& count) {
        out.counter(name, help, "outcome", outcome, static_cast<double>(count.load()));
    };
    add("success", counters.succeeded);
    add("wrong", counters.wrong);
    add("disabled", counters.disabled);
    add("limited", counters.limited);
    add("busy", counters.busy);
}

void add_device_sign_ins(Families& out, const DeviceSignInCounters& counters) {
    const std::string name = "updraft_device_sign_ins_refused_total";
    const std::string help = "Sign-ins of devices, over any protocol, that were refused, by reason";
    out.counter(name, help, "reason", "credentials", static_cast<double>(counters.refused.load()));
    out.counter(name, help, "reason", "limited", static_cast<double>(counters.limited.load()));
}

void add_tls(Families& out, const TlsFiles& tls) {
    if (const std::optional<Instant> expires = tls.expires_at()) {
        out.gauge("updraft_tls_certificate_expires_seconds",
                  "When the TLS certificate expires, in seconds since 1970",
                  static_cast<double>(to_millis(*expires) / 1'000));
    }
    const std::string name = "updraft_tls_reloads_total";
    const std::string help = "Times that the TLS certificate was read again, by outcome";
    out.counter(name, help, "outcome", "done", static_cast<double>(tls.reloaded()));
    out.counter(name, help, "outcome", "failed", static_cast<double>(tls.failed()));
}

void add_writer(Families& out, const WriterStatistics& writer) {
    const Histogram::Snapshot operations = writer.commit_operations.snapshot();
    out.counter("updraft_store_operations_total", "Operations that the store has committed",
                operations.sum);
    out.histogram("updraft_commit_seconds", "Time of a group commit",
                  writer.commit_seconds.snapshot());
    out.histogram("updraft_commit_operations", "Writes in a group commit", operations);
    out.counter("updraft_commits_failed_total", "Group commits that failed",
                static_cast<double>(writer.failed_commits.load()));
    out.gauge("updraft_disk_full", "1 after the store found no room for its last write",
              writer.disk_full ? 1 : 0);
    out.counter("updraft_writes_refused_total", "Writes refused because too many waited",
                static_cast<double>(writer.refused.load()));
    out.gauge("updraft_writes_queued", "Writes that wait for a commit",
              static_cast<double>(writer.queued.load()));
}

void add_totals(Families& out, const Store& store) {
    TaskTotals tasks;
    DeviceTotals devices;
    std::int64_t audit_entries = 0;
    store.read([&](const Repositories& rows) {
        audit_entries = rows.audit().head().last.seq;
        tasks = rows.tasks().totals();
        devices = rows.devices().totals();
    });
    out.counter("updraft_audit_entries_total", "Entries of the audit log, ever",
                static_cast<double>(audit_entries));
    const auto gauge = [&](const char* name, const char* help, const char* state,
                           std::int64_t count) {
        out.gauge(name, help, "state", state, static_cast<double>(count));
    };
    const char* const known = "Devices, by state";
    gauge("updraft_devices", known, "online", devices.online);
    gauge("updraft_devices", known, "offline", devices.offline);
    gauge("updraft_devices", known, "notActive", devices.not_active);
    const char* const made = "Upgrade tasks: with waiting or processing records, or at their end";
    gauge("updraft_tasks", made, "running", tasks.running);
    gauge("updraft_tasks", made, "ended", tasks.tasks - tasks.running);
    const char* const kept = "Upgrade records, by state";
    gauge("updraft_records", kept, "waiting", tasks.records.waiting);
    gauge("updraft_records", kept, "processing", tasks.records.processing);
    gauge("updraft_records", kept, "success", tasks.records.success);
    gauge("updraft_records", kept, "failed", tasks.records.failed);
    gauge("updraft_records", kept, "canceled", tasks.records.canceled);
}

}  // namespace

std::string metrics_text(const MetricSources& sources) {
    Families out;
    add_process(out);
    if (const std::optional<http::Server::Counters> http = sources.http()) {
        add_http(out, *http, sources.router.groups());
    }
    add_buffers(out, sources.buffers);
    add_mqtt(out, sources.mqtt.counters());
    add_websockets(out, sources.websockets.counters());
    add_messages(out, sources.messages.counters());
    add_scripts(out, sources.scripts.counters());
    add_sign_ins(out, sources.sign_ins);
    out.counter("updraft_audit_refusals_not_stored_total",
                "Refused actions that were not stored: too many, or the store failed",
                static_cast<double>(sources.audit.refusals_not_stored()));
    add_device_sign_ins(out, sources.device_sign_ins);
    add_tls(out, sources.tls);
    add_writer(out, sources.writer);
    try {
        add_totals(out, sources.store);
    } catch (const StorageError& failed) {
        // A broken store is when the other metrics are wanted most.
        log::warn("metrics", "totals left out reason=\"{}\"", failed.what());
    }
    out.gauge("updraft_pushes_in_flight", "Push records processing on this node",
              static_cast<double>(sources.dispatcher.in_flight()));
    out.counter("updraft_internal_failures_total", "Connections that a failure of ours ended",
                static_cast<double>(net::tasks_failed()));
    out.gauge("updraft_requests_queued", "Requests that wait for a worker thread",
              static_cast<double>(sources.workers.queued()));
    out.gauge("updraft_uploads_queued", "Uploads that wait for a worker thread",
              static_cast<double>(sources.uploads.queued()));
    add_scrub(out, sources.scrub);
    struct statvfs disk{};
    if (::statvfs(sources.data_folder.c_str(), &disk) == 0) {
        out.gauge("updraft_disk_free_bytes", "Room on the disk of the data folder",
                  static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize));
    }
    out.counter("updraft_clock_jumps_total", "How often the wall clock was set while we ran",
                static_cast<double>(sources.clock_jumps));
    return out.text();
}

}  // namespace updraft::server
