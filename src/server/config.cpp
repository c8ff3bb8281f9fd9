#include "server/config.hpp"

#include <charconv>
#include <filesystem>

namespace updraft::server {
namespace {

void bind_basics(Settings& settings, Config& config) {
    settings.bind("data", config.data, "Folder of database and artifacts; made if it is missing");
    settings.bind("listen", config.listen, "HTTP address; port 0 picks a free one");
    settings.bind("https_listen", config.https_listen, "HTTPS address; empty: none");
    settings.bind("mqtt_listen", config.mqtt_listen, "MQTT address; empty: none");
    settings.bind("mqtts_listen", config.mqtts_listen, "MQTT over TLS address; empty: none");
    settings.bind(
        "public_url", config.public_url,
        "Address under which devices reach this server, e.g. https://ota.example.com/api; "
        "empty: the HTTP address. An operator can override it (scope paths, base-path)");
    settings.bind("timezone", config.timezone, "Zone in which date strings of queries are read");
    settings.bind("log_level", config.log_level, "debug, info, warn or error");
    settings.bind("clock_jump_min", config.clock_jump_min,
                  "A wall clock that is set by more than this moves open deadlines along");
    settings.bind("node", config.node, "Number of this node, 0 to 1023; part of the ids it makes");
    settings.bind("tls_certificate", config.tls_certificate, "PEM file with the certificate chain");
    settings.bind("tls_key", config.tls_key, "PEM file with the private key");
    settings.bind("secrets.key_file", config.secret_key_file,
                  "File with the key of the secrets in the database; empty: secret.key in the data "
                  "folder, made on the first start");
    settings.bind("tls_check_every", config.tls_check_every,
                  "The certificate's files are looked at this often, and read again when they have "
                  "changed; 0: only on SIGHUP");
    settings.bind("links.lifetime", config.links.lifetime,
                  "A download link of a product with expiringLinks holds that long");
    settings.bind("event_loops", config.event_loops, "Threads for connections");
    settings.bind("workers", config.workers, "Threads for requests");
    settings.bind("worker_queue_max", config.worker_queue_max,
                  "Requests that may wait for a thread");
    settings.bind("upload_workers", config.upload_workers, "Uploads at a time");
    settings.bind("upload_queue_max", config.upload_queue_max,
                  "Uploads that may wait for a thread");
    settings.bind("stop_grace", config.stop_grace,
                  "Time for running requests to end when stopping");
    settings.bind("buffer_bytes_max", config.buffer_bytes_max,
                  "Bytes that all connections together may hold of what peers send or do not take; "
                  "whoever needs more is told to come later");
}

void bind_access(Settings& settings, AccessOptions& access) {
    settings.bind("access.token_idle_timeout", access.token_idle_timeout,
                  "A sign-in ends after this long without use, if it asked for nothing else");
    settings.bind("login_encryption", access.login_encryption,
                  "Consoles encrypt passwords with the server's RSA key");
    settings.bind("access.failures_max", access.failures_max,
                  "Failed sign-ins of one user name from one address before it has to wait");
    settings.bind("access.address_failures_max", access.address_failures_max,
                  "Failed sign-ins of one address, whatever the user name");
    settings.bind("access.account_failures_max", access.account_failures_max,
                  "Failed sign-ins of one user name from all addresses where it is a stranger");
    settings.bind("access.failures_window", access.failures_window,
                  "Time in which those are counted");
    settings.bind("access.tokens_cached_max", access.tokens_cached_max, "Sign-ins kept in memory");
    settings.bind("access.failures_tracked_max", access.failures_tracked_max,
                  "Names and addresses whose failures are remembered");
    settings.bind(
        "access.known_addresses_max", access.known_addresses_max,
        "User names and addresses that signed in, which the limit of all addresses spares");
    settings.bind("access.touch_interval", access.touch_interval,
                  "The last use of a sign-in is stored this often");
    settings.bind("access.identity_max_age", access.identity_max_age,
                  "Time until a change of rights on another node is seen");
}

void bind_http(Settings& settings, http::ServerOptions& http, rest::ApiOptions& api) {
    settings.bind("http.header_bytes_max", http.header_bytes_max, "Largest head of a request");
    settings.bind("http.body_bytes_max", http.body_bytes_max, "Largest body that is read whole");
    settings.bind("http.upload_bytes_max", http.upload_bytes_max, "Largest upload");
    settings.bind("http.header_timeout", http.header_timeout,
                  "Time for a request's head to arrive");
    settings.bind("http.body_timeout", http.body_timeout, "Time in a body without a byte moving");
    settings.bind("http.body_rate_min", http.body_rate_min,
                  "A body that stays below so many bytes a second for http.body_timeout is given "
                  "up; 0: never");
    settings.bind("http.loss_after", http.loss_after,
                  "A peer that acknowledges nothing for so long has gone; 0: as the system has it");
    settings.bind("http.idle_timeout", http.idle_timeout,
                  "Time between two requests of a connection");
    settings.bind("http.write_timeout", http.write_timeout,
                  "Time in an answer without a byte moving");
    settings.bind("http.unsent_bytes_max", http.unsent_bytes_max,
                  "Bytes of an answer that the kernel holds beyond what is on its way; 0: as the "
                  "system has it");
    settings.bind("http.connections_max", http.connections_max,
                  "Connections of one listener at a time");
    settings.bind("http.connections_per_address_max", http.connections_per_address_max,
                  "The same of one address; 0: any number");
    settings.bind("http.ranges_max", http.ranges_max,
                  "Ranges of one request; more get the whole file");
    settings.bind("http.open_files_max", http.open_files_max,
                  "Downloaded files that are kept open while their clients stay");
    settings.bind("http.event_queue_max", http.event_queue_max,
                  "Events that may wait for one slow console");
    settings.bind("http.websocket_message_bytes_max", http.websocket_message_bytes_max,
                  "Largest WebSocket message");
    settings.bind("http.websocket_ping_after", http.websocket_ping_after,
                  "A silent WebSocket is pinged after that, and closed after twice that");
    settings.bind("http.batch_rows_max", api.batch_rows_max, "Rows of one batch request");
    settings.bind("http.streamed_rows_max", api.streamed_rows_max,
                  "Rows of one answer without paging; more are refused");
}

void bind_audit(Settings& settings, AuditOptions& audit) {
    settings.bind("audit.keep_days", audit.keep_days,
                  "Days that audit entries are kept; 0: for ever");
    settings.bind("audit.entry_bytes_max", audit.entry_bytes_max,
                  "Before and after of one entry together; longer ones are cut");
    settings.bind("audit.refusals_per_minute", audit.refusals_per_minute,
                  "Refused actions stored a minute, of those signed in and of strangers each");
    settings.bind("audit.prune_at_once", audit.prune_at_once,
                  "Entries removed by one write operation");
}

void bind_csv(Settings& settings, Config& config) {
    settings.bind("api.export_rows_max", config.api.export_rows_max,
                  "Rows of one exported file; more are refused");
    settings.bind("import.bytes_max", config.imports.bytes_max, "Largest imported file");
    settings.bind("import.lines_max", config.imports.lines_max, "Lines of an imported file");
}

void bind_live(Settings& settings, Config& config) {
    settings.bind("live.interval", config.live.interval,
                  "Changes of one task are told at most this often");
    settings.bind("live.records_max", config.live.records_max,
                  "Records told at a time; of more only their tasks are told");
    settings.bind("live.device_events_max", config.live.device_events_max,
                  "Device events that may wait; of more the oldest go");
    settings.bind("live.watchers_max", config.live.watchers_max, "Consoles that watch at a time");
    settings.bind("live.sign_in_check", config.live.sign_in_check,
                  "Watchers whose sign-in has ended are sent away within this time");
    settings.bind("messaging.subscriptions_max", config.messaging.subscriptions_max,
                  "Topics of one WebSocket");
    settings.bind("messaging.id_bytes_max", config.messaging.id_bytes_max,
                  "Longest id of a subscription");
    settings.bind("messaging.topic_bytes_max", config.messaging.topic_bytes_max, "Longest topic");
}

void bind_mqtt(Settings& settings, mqtt::MqttOptions& mqtt) {
    settings.bind("mqtt.connect_deadline", mqtt.connect_deadline, "Time from accept to CONNECT");
    settings.bind("mqtt.handshake_deadline", mqtt.handshake_deadline, "Time for the TLS handshake");
    settings.bind("mqtt.write_deadline", mqtt.write_deadline,
                  "Time in a write without a byte moving");
    settings.bind("mqtt.close_deadline", mqtt.close_deadline,
                  "Time for a closing connection to send what is left");
    settings.bind("mqtt.packet_deadline", mqtt.packet_deadline,
                  "Time from a packet's first byte to its last");
    settings.bind("mqtt.loss_after", mqtt.loss_after,
                  "A peer that acknowledges nothing for so long has gone, whatever its keep alive; "
                  "0: as the system has it");
    settings.bind("mqtt.keep_alive_grace", mqtt.keep_alive_grace,
                  "A silent device is dead after its keep alive and this");
    settings.bind("mqtt.keep_alive_max_s", mqtt.keep_alive_max_s,
                  "Longest keep alive that is granted, in seconds; 0: any");
    settings.bind("mqtt.connections_max", mqtt.connections_max,
                  "Connections at a time; 0: any number");
    settings.bind("mqtt.connections_per_address_max", mqtt.connections_per_address_max,
                  "Connections of one address; 0: any number");
    settings.bind("mqtt.connect_bytes_max", mqtt.connect_bytes_max, "Largest CONNECT packet");
    settings.bind("mqtt.packet_bytes_max", mqtt.packet_bytes_max, "Largest packet of a device");
    settings.bind("mqtt.uplinks_in_flight_max", mqtt.uplinks_in_flight_max,
                  "Messages of one device that wait to be stored");
    settings.bind("mqtt.uplinks_in_flight_bytes_max", mqtt.uplinks_in_flight_bytes_max,
                  "The same in bytes of payload");
    settings.bind("mqtt.qos2_unreleased_max", mqtt.qos2_unreleased_max,
                  "QoS 2 messages of one device without PUBREL");
    settings.bind("mqtt.outbox_bytes_max", mqtt.outbox_bytes_max,
                  "Bytes that wait to be written to one device");
    settings.bind("mqtt.downlinks_unacked_max", mqtt.downlinks_unacked_max,
                  "QoS 1 messages to one device without PUBACK");
    settings.bind("mqtt.redelivery_after", mqtt.redelivery_after,
                  "A QoS 1 message without PUBACK is written again after that");
    settings.bind("mqtt.redeliveries_max", mqtt.redeliveries_max, "How often");
    settings.bind("mqtt.subscriptions_max", mqtt.subscriptions_max, "Topic filters of one device");
    settings.bind("mqtt.subscriptions_bytes_max", mqtt.subscriptions_bytes_max,
                  "The same in bytes");
}

void bind_devices(Settings& settings, Config& config) {
    settings.bind("devices.trust_device_ids", config.devices.trust_device_ids,
                  "JetLinks' lax mode: a device may speak for any other");
    settings.bind("devices.register_children", config.devices.register_children,
                  "Children that a gateway registers become devices");
    settings.bind("devices.children_per_gateway_max", config.devices.children_per_gateway_max,
                  "Children that one gateway may register");
    settings.bind("devices.enroll_per_product_max", config.sign_in.enroll_per_product_max,
                  "A product with this many devices takes in no unknown ones by itself");
    settings.bind("devices.remembered_sign_ins_max", config.sign_in.remembered_max,
                  "Devices over HTTP whose next sign-in takes no look at the database");
    settings.bind("devices.remembered_pulls_max", config.devices.remembered_max,
                  "Devices whose next pull without news takes no look at the database");
    settings.bind("credentials.per_owner_max", config.credentials.per_owner_max,
                  "Credentials of one device, or shared by one product");
    settings.bind("credentials.watched_max", config.credentials.watched_max,
                  "Credentials with an end whose connections are closed at their end");
    DeviceSignInLimits& limits = config.sign_in.limits;
    settings.bind("devices.failures_max", limits.failures_max,
                  "Wrong credentials of one device from one address; 0: no limit");
    settings.bind("devices.address_failures_max", limits.address_failures_max,
                  "Wrong credentials from one address, whatever the device; 0: no limit");
    settings.bind(
        "devices.device_failures_max", limits.device_failures_max,
        "Wrong credentials of one device from everywhere, before each new address has one "
        "attempt only; 0: no limit");
    settings.bind("devices.failures_window", limits.failures_window,
                  "Time in which those are counted");
    settings.bind("devices.failures_tracked_max", limits.failures_tracked_max,
                  "Devices, addresses and pairs of them whose failures are remembered");
    settings.bind("devices.known_addresses_max", limits.known_addresses_max,
                  "Devices and addresses that signed in, which bear their own failures only");
    settings.bind("devices.progress_log_every", config.devices.progress_log_every,
                  "Progress of one upgrade is written to the device's log at most this often");
    settings.bind("devices.log_content_bytes_max", config.devices.log_content_bytes_max,
                  "Longest line of a device's log");
    settings.bind("devices.version_bytes_max", config.devices.version_bytes_max,
                  "Longest version that a device may name; the rest is cut");
    settings.bind("devices.reason_bytes_max", config.devices.reason_bytes_max,
                  "Longest reason of a failure that a device may give; the rest is cut");
    settings.bind("devices.http_body_bytes_max", config.device_http.body_bytes_max,
                  "Largest message of a device over HTTP");
    settings.bind("devices.websocket_in_flight_max", config.device_http.uplinks_in_flight_max,
                  "Messages of one device over WebSocket that wait to be stored");
    settings.bind("devices.command_timeout", config.commands.command_timeout,
                  "Time for a device to answer an operator's command");
    settings.bind("presence.flush_after", config.presence.flush_after,
                  "Connects and disconnects are stored in batches of this age");
    settings.bind("presence.flush_changes_max", config.presence.flush_changes_max,
                  "Changes of one batch");
    settings.bind("presence.http_online_for", config.presence.http_online_for,
                  "A device without a connection is online that long after its last request");
    settings.bind("presence.http_devices_max", config.presence.http_devices_max,
                  "Such devices that are remembered; more stay offline");
}

void bind_ddi(Settings& settings, Config& config) {
    http::ddi::Options& http = config.ddi_http;
    settings.bind("ddi.tenant", http.tenant, "Tenant in the addresses of hawkBit's devices");
    settings.bind("ddi.public_url", http.public_url,
                  "Address under which hawkBit's devices reach this server, e.g. "
                  "https://ota.example.com; empty: what each request says");
    settings.bind("ddi.download_https_url", http.download_https_url,
                  "Address under which artifacts are offered over https; empty: as above");
    settings.bind("ddi.download_http_url", http.download_http_url,
                  "Address under which artifacts are offered over http; empty: as above");
    settings.bind("ddi.target_token", http.target_token, "Accept Authorization: TargetToken");
    settings.bind("ddi.gateway_token", http.gateway_token, "Accept Authorization: GatewayToken");
    settings.bind("ddi.trusted_proxies", http.trusted_proxies,
                  "Addresses and networks (CIDR), separated by commas, whose X-Controller-Id, "
                  "X-Authority and X-Forwarded-* headers are believed; empty: none");
    settings.bind("ddi.body_bytes_max", http.body_bytes_max, "Largest body of a hawkBit device");
    settings.bind("ddi.poll_interval_min", config.ddi_poll_interval_min,
                  "Shortest poll interval that may be set");
    settings.bind("ddi.poll_interval", config.ddi.poll_interval,
                  "hawkBit's devices ask this often; below 24 h");
    settings.bind("ddi.poll_interval_active", config.ddi.poll_interval_active,
                  "The same while they have an action: how soon they notice a cancel");
    settings.bind("ddi.feedbacks_per_action_max", config.ddi.feedbacks_per_action_max,
                  "Feedbacks on one action; the last word is taken all the same");
    settings.bind("ddi.messages_per_feedback_max", config.ddi.messages_per_feedback_max,
                  "Messages of one feedback");
    settings.bind("ddi.message_bytes_max", config.ddi.message_bytes_max,
                  "Longest message that is kept of a feedback; longer ones are cut");
    settings.bind("ddi.log_content_bytes_max", config.ddi.log_content_bytes_max,
                  "Longest line of a device's log that a feedback makes");
    settings.bind("ddi.attributes_max", config.ddi.attributes_max, "Attributes of one device");
    settings.bind("ddi.attribute_characters_max", config.ddi.attribute_characters_max,
                  "Longest key, and longest value, of an attribute");
    settings.bind("ddi.history_messages_max", config.ddi.history_messages_max,
                  "Messages of an action's history in one answer");
    settings.bind("ddi.remembered_polls_max", config.ddi.remembered_max,
                  "Devices whose next poll without news takes no look at the database");
    settings.bind("ddi.agents_without_skip", config.ddi.agents_without_skip,
                  "User agents, by how they begin, that are not offered download-only tasks: they "
                  "report success without a download");
}

void bind_tasks(Settings& settings, Config& config) {
    settings.bind("tasks.expand_chunk", config.tasks.expand_chunk, "Records made in one write");
    settings.bind("tasks.change_chunk", config.tasks.change_chunk,
                  "Records stopped or started in one write");
    settings.bind("tasks.answer_within", config.tasks.answer_within,
                  "A stop or start of many records goes on behind the answer after that");
    settings.bind("tasks.changes_max", config.tasks.changes_max,
                  "Stops and starts of many records that may be under way");
    settings.bind("tasks.record_ids_max", config.tasks.record_ids_max, "Record ids of one request");
    settings.bind("tasks.rate_per_second_max", config.tasks.rate_per_second_max,
                  "Largest rate of a task");
    settings.bind("tasks.max_concurrent_max", config.tasks.max_concurrent_max,
                  "Largest maxConcurrent of a task");
    Dispatcher::Options& dispatch = config.scheduler.dispatch;
    settings.bind("dispatch.sends_per_second", dispatch.sends_per_second,
                  "Pushes a second of this server");
    settings.bind("dispatch.task_sends_per_second", dispatch.task_sends_per_second,
                  "Pushes a second of one task that sets no rate");
    settings.bind("dispatch.in_flight_max", dispatch.in_flight_max,
                  "Pushes under way of this server");
    settings.bind("dispatch.claim_batch", dispatch.claim_batch,
                  "Pushes that one write operation claims: more need fewer syncs of the disk, and "
                  "keep other writes waiting for longer");
    settings.bind("dispatch.children_per_gateway", dispatch.children_per_gateway,
                  "Children of one gateway that upgrade at a time");
    settings.bind("dispatch.send_retry_after", dispatch.send_retry_after,
                  "Pause after a message could not be written");
}

void bind_scripts(Settings& settings, Config& config) {
    scripting::Limits& limits = config.scripts.limits;
    settings.bind("scripts.memory_bytes_max", limits.memory_bytes_max, "Memory of one Lua package");
    settings.bind("scripts.call_instructions_max", limits.call_instructions_max,
                  "Lua instructions for one message");
    settings.bind("scripts.subject_bytes_max", limits.subject_bytes_max,
                  "Longest text that a script searches by a pattern");
    settings.bind("scripts.repeated_bytes_max", limits.repeated_bytes_max,
                  "Longest text that string.rep makes");
    settings.bind("scripts.output_bytes_max", limits.output_bytes_max,
                  "Largest answer of a script");
    settings.bind("scripts.messages_max", limits.messages_max, "Messages that one payload holds");
    settings.bind("scripts.log_lines_max", limits.log_lines_max, "Lines that one call prints");
    settings.bind("scripts.log_line_bytes_max", limits.log_line_bytes_max, "Longest of them");
    settings.bind("scripts.worker_cpu_max", limits.worker_cpu_max,
                  "CPU time of one script process; it is replaced before");
    scripting::ScriptOptions& scripts = config.scripts;
    settings.bind("scripts.call_timeout", scripts.call_timeout,
                  "A script that works longer on a message, or on a batch, is stopped");
    settings.bind("scripts.start_timeout", scripts.start_timeout,
                  "Time for a script process to start and load");
    settings.bind("scripts.batch_calls_max", scripts.batch_calls_max, "Messages of one batch");
    settings.bind("scripts.batch_bytes_max", scripts.batch_bytes_max, "The same in bytes");
    settings.bind("scripts.input_bytes_max", scripts.input_bytes_max,
                  "Largest message that a script is given");
    settings.bind("scripts.queue_calls_max", scripts.queue_calls_max,
                  "Messages that may wait for one package");
    settings.bind("scripts.queue_bytes_max", scripts.queue_bytes_max, "The same in bytes");
    settings.bind("scripts.workers_max", scripts.workers_max,
                  "Script processes at a time, one a package");
    settings.bind("scripts.idle_after", scripts.idle_after,
                  "A script process without messages ends after that");
    settings.bind("scripts.stops_max", scripts.stops_max,
                  "A package that had to be stopped so often is paused");
    settings.bind("scripts.stops_window", scripts.stops_window, "Time in which that is counted");
    settings.bind("scripts.pause_min", scripts.pause_min,
                  "First pause; each next one is twice as long");
    settings.bind("scripts.pause_max", scripts.pause_max, "Longest pause");
    settings.bind("scripts.trials_max", scripts.trials_max, "Checks and trials at a time");
    settings.bind("scripts.script_bytes_max", config.protocols.script_bytes_max, "Longest script");
    settings.bind("scripts.scripts_per_request_max", config.protocols.scripts_per_request_max,
                  "Scripts that one request may save");
    settings.bind("scripts.log_every", config.script_troubles.log_every,
                  "Failures of a script are written to one device's log at most this often");
}

void bind_storage(Settings& settings, Config& config) {
    settings.bind("files.file_bytes_max", config.files.file_bytes_max, "Largest file");
    settings.bind("files.remembered_max", config.files.remembered_max,
                  "Files whose downloads take no look at the database");
    settings.bind("files.keep_unreferenced", config.files.keep_unreferenced,
                  "A file that no firmware points at is removed after that");
    settings.bind("files.keep_abandoned_pieces", config.files.keep_abandoned_pieces,
                  "Pieces of an upload that nobody goes on with are removed after that");
    settings.bind("files.keep_artifacts_without_file", config.files.keep_artifacts_without_file,
                  "Bytes that a crash left without a file are removed after that");
    settings.bind("files.digest_step_bytes", config.missing_digests.step_bytes,
                  "Bytes read at a time when the SHA-1 of older files is filled in");
    settings.bind("retention.device_logs", config.scheduler.keep_device_logs,
                  "Lines of devices' logs are kept that long");
    settings.bind("retention.pause_after_clock_set", config.scheduler.keep_all_after_clock_set,
                  "Nothing is removed for its age for so long after the machine's clock was set");
    settings.bind("retention.clean_up_every", config.scheduler.housekeeping_every,
                  "How often files, lines and sign-ins that are past their time are looked for");
    settings.bind("storage.queue_operations_max", config.storage.queue_operations_max,
                  "Writes that may wait; more are refused");
    settings.bind("storage.group_operations_max", config.storage.group_operations_max,
                  "Writes of one commit");
    settings.bind("storage.seal_rows_max", config.storage.seal_rows_max,
                  "Rows of one transaction while older secrets are sealed");
    settings.bind("scrub.every", config.scrub.every,
                  "Stored files are read again and compared with their digests within that time; "
                  "0: never");
    settings.bind("scrub.bytes_per_second", config.scrub.bytes_per_second,
                  "At most so many bytes a second of that");
}

}  // namespace

void bind(Settings& settings, Config& config) {
    bind_basics(settings, config);
    bind_access(settings, config.access);
    bind_http(settings, config.http, config.api);
    bind_audit(settings, config.audit);
    bind_csv(settings, config);
    bind_live(settings, config);
    bind_mqtt(settings, config.mqtt);
    bind_devices(settings, config);
    bind_ddi(settings, config);
    bind_tasks(settings, config);
    bind_storage(settings, config);
    bind_scripts(settings, config);
}

Result<void> check(const Config& config) {
    if (config.log_level != "debug" && config.log_level != "info" && config.log_level != "warn" &&
        config.log_level != "error") {
        return Error::invalid(
            "log_level",
            text("log_level 的值 {} 无效, 应为 debug, info, warn 或 error",
                 "log_level cannot be {}; say debug, info, warn or error", config.log_level));
    }
    const bool wants_tls = !config.https_listen.empty() || !config.mqtts_listen.empty();
    if (wants_tls && (config.tls_certificate.empty() || config.tls_key.empty())) {
        return Error::invalid("tls_certificate",
                              {"https_listen 和 mqtts_listen 需要 tls_certificate 和 tls_key",
                               "https_listen and mqtts_listen need tls_certificate and tls_key"});
    }
    for (const auto& [key, interval] :
         {std::pair("ddi.poll_interval", config.ddi.poll_interval),
          std::pair("ddi.poll_interval_active", config.ddi.poll_interval_active)}) {
        if (interval < std::max(config.ddi_poll_interval_min, seconds{1}) ||
            interval >= seconds{24 * 3600}) {
            return Error::invalid(
                key, text("{} 的值 {}s 无效, 应不小于 ddi.poll_interval_min ({}s) 且小于24小时",
                          "{} cannot be {}s: it is at least ddi.poll_interval_min ({}s) and below "
                          "24 h",
                          key, interval.count(), config.ddi_poll_interval_min.count()));
        }
    }
    if (config.node > 1023) {
        return Error::invalid(
            "node", text("node 的值 {} 超出 0..1023", "node {} is outside 0..1023", config.node));
    }
    if (!std::filesystem::exists("/usr/share/zoneinfo/" + config.timezone)) {
        return Error::invalid(
            "timezone", text("未知的时区 {}, 例如 Asia/Shanghai",
                             "unknown time zone {}; say e.g. Asia/Shanghai", config.timezone));
    }
    return {};
}

Result<HostPort> parse_listen(const std::string& key, const std::string& value) {
    const std::size_t colon = value.rfind(':');
    HostPort parsed;
    if (colon != std::string::npos) {
        parsed.host = value.substr(0, colon);
        if (parsed.host.starts_with('[') && parsed.host.ends_with(']')) {
            parsed.host = parsed.host.substr(1, parsed.host.size() - 2);
        }
        const char* end = value.data() + value.size();
        const auto [stop, error] = std::from_chars(value.data() + colon + 1, end, parsed.port);
        if (error == std::errc{} && stop == end && !parsed.host.empty()) {
            return parsed;
        }
    }
    return Error::invalid(key,
                          text("{} 的值 {} 无效, 应为 地址:端口, 例如 0.0.0.0:8848",
                               "{} cannot be {}; say address:port, e.g. 0.0.0.0:8848", key, value));
}

}  // namespace updraft::server
