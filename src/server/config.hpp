#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "app/access_service.hpp"
#include "app/audit.hpp"
#include "app/ddi_service.hpp"
#include "app/device_access.hpp"
#include "app/device_credentials.hpp"
#include "app/device_import.hpp"
#include "app/device_messages.hpp"
#include "app/device_service.hpp"
#include "app/download_links.hpp"
#include "app/file_service.hpp"
#include "app/missing_digests.hpp"
#include "app/presence.hpp"
#include "app/protocol_service.hpp"
#include "app/script_troubles.hpp"
#include "app/task_service.hpp"
#include "scheduler/scheduler.hpp"
#include "scripting/script_workers.hpp"
#include "server/settings.hpp"
#include "storage/artifacts/artifact_scrub.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "transport/http/ddi/routes.hpp"
#include "transport/http/devices/jetlinks_http.hpp"
#include "transport/http/rest/api.hpp"
#include "transport/http/rest/live_feed.hpp"
#include "transport/http/rest/messaging.hpp"
#include "transport/http/server.hpp"
#include "transport/mqtt/gateway.hpp"

namespace updraft::server {

/// Everything that can be configured; the members' initial values are the defaults.
struct Config {
    std::string data = "data";
    milliseconds clock_jump_min{10'000};
    std::string listen = "127.0.0.1:8848";
    std::string https_listen;
    std::string mqtt_listen = "127.0.0.1:1883";
    std::string mqtts_listen;
    std::string public_url;
    std::string timezone = "Asia/Shanghai";
    std::string log_level = "info";
    std::uint16_t node = 0;
    std::string tls_certificate;
    std::string tls_key;
    std::string secret_key_file;
    milliseconds tls_check_every{10'000};
    DownloadLinkOptions links;

    std::size_t event_loops = 2;
    std::size_t workers = 8;
    std::size_t worker_queue_max = 4'096;
    std::size_t upload_workers = 8;
    std::size_t upload_queue_max = 64;
    milliseconds stop_grace{5'000};
    std::size_t buffer_bytes_max = std::size_t{256} << 20;

    AccessOptions access;
    http::ServerOptions http;
    device_http::DeviceHttpOptions device_http;
    rest::ApiOptions api;
    DeviceImportOptions imports;
    AuditOptions audit;
    rest::LiveFeed::Options live;
    rest::MessagingOptions messaging;
    mqtt::MqttOptions mqtt;
    DeviceMessages::Options devices;
    DeviceSignInOptions sign_in;
    DeviceCredentialOptions credentials;
    DeviceServiceOptions commands;
    DdiService::Options ddi;
    http::ddi::Options ddi_http;
    seconds ddi_poll_interval_min{30};
    Presence::Options presence;
    TaskService::Options tasks;
    FileService::Options files;
    MissingDigests::Options missing_digests;
    Scheduler::Options scheduler;
    SqliteOptions storage;
    ScrubOptions scrub;
    scripting::ScriptOptions scripts;
    ProtocolService::Options protocols;
    ScriptTroubles::Options script_troubles;
};

/// Binds every key to its member. `config` must outlive `settings`.
void bind(Settings& settings, Config& config);

/// Rules that hold between keys: TLS addresses need a certificate and a key, the log level and the
/// time zone must exist. Errors: invalid_argument.
[[nodiscard]] Result<void> check(const Config& config);

/// "127.0.0.1:8848" or "[::1]:8848" taken apart.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};
/// Errors: invalid_argument, naming the setting and its value.
[[nodiscard]] Result<HostPort> parse_listen(const std::string& key, const std::string& value);

}  // namespace updraft::server
