#include "server/wiring.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>

#include "app/access_users.hpp"
#include "app/api_tokens.hpp"
#include "app/audit.hpp"
#include "app/command_replies.hpp"
#include "app/ddi_service.hpp"
#include "app/device_credentials.hpp"
#include "app/firmware_service.hpp"
#include "app/missing_digests.hpp"
#include "app/overview_service.hpp"
#include "app/package_dialects.hpp"
#include "app/product_service.hpp"
#include "app/protocol_service.hpp"
#include "app/record_service.hpp"
#include "app/script_troubles.hpp"
#include "app/system_service.hpp"
#include "app/upgrade_sender.hpp"
#include "base/log.hpp"
#include "scripting/script_workers.hpp"
#include "server/clock_file.hpp"
#include "server/data_folder.hpp"
#include "server/joined_links.hpp"
#include "server/metrics.hpp"
#include "server/pages.hpp"
#include "server/secret_keys.hpp"
#include "server/tls_files.hpp"
#include "server/version.hpp"
#include "storage/artifacts/artifact_files.hpp"
#include "transport/http/ddi/proxies.hpp"
#include "transport/http/ddi/routes.hpp"
#include "transport/http/devices/plain_https.hpp"
#include "transport/http/devices/websocket_devices.hpp"
#include "transport/http/rest/access.hpp"
#include "transport/http/rest/api_tokens.hpp"
#include "transport/http/rest/audit.hpp"
#include "transport/http/rest/credentials.hpp"
#include "transport/http/rest/csv_files.hpp"
#include "transport/http/rest/devices.hpp"
#include "transport/http/rest/files.hpp"
#include "transport/http/rest/firmware.hpp"
#include "transport/http/rest/insights.hpp"
#include "transport/http/rest/live.hpp"
#include "transport/http/rest/live_feed.hpp"
#include "transport/http/rest/messaging.hpp"
#include "transport/http/rest/overview.hpp"
#include "transport/http/rest/products.hpp"
#include "transport/http/rest/protocols.hpp"
#include "transport/http/rest/records.hpp"
#include "transport/http/rest/system.hpp"
#include "transport/http/rest/tasks.hpp"
#include "transport/http/rest/users.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;

/// Ids further in the future than this were given while the clock was wrong, and would run out.
constexpr std::chrono::days ids_ahead_max{10 * 365};
/// A machine that starts with its clock far ahead looks like one that was off for long.
constexpr std::chrono::hours long_away{48};

SqliteOptions storage_options(const Config& config, const DataFolder& folder,
                              std::shared_ptr<WriterStatistics> statistics,
                              std::shared_ptr<const SecretBox>& secrets,
                              std::shared_ptr<Freshness> freshness,
                              std::atomic<bool>& not_synced) {
    SqliteOptions options = config.storage;
    options.freshness = std::move(freshness);
    options.secrets = [&](const std::vector<std::string>& key_ids) {
        secrets = secrets_for(SecretKeyPlace::of(folder.path(), config.secret_key_file), key_ids);
        return secrets;
    };
    options.statistics = std::move(statistics);
    options.on_not_synced = [&not_synced](const std::string&) {
        not_synced = true;
        ::kill(::getpid(), SIGTERM);  // the way out that is there already
    };
    options.path = (folder.path() / "updraft.db").string();
    return options;
}

Scheduler::Options scheduler_options(const Config& config) {
    Scheduler::Options options = config.scheduler;
    options.server_id = "node-" + std::to_string(config.node);
    options.presence_flush_after = config.presence.flush_after;
    return options;
}

/// An address that was checked before; its error is the caller's mistake.
HostPort listen_of(const std::string& key, const std::string& value) {
    const Result<HostPort> parsed = parse_listen(key, value);
    if (!parsed) {
        throw std::runtime_error(parsed.error().message.en);
    }
    return *parsed;
}

/// The use cases, and what they share.
struct Services {
    explicit Services(const Config& config)
        : folder(config.data),
          clock(config.clock_jump_min),
          clock_file(folder.path()),
          seen(clock_file.apply_to(clock)),
          id_clock(clock, std::min(seen.ids, clock.now() + ids_ahead_max)),
          ids(id_clock, config.node),
          store(open_sqlite_store(
              storage_options(config, folder, writer, secrets, freshness, not_synced))),
          artifacts(open_artifact_files(config.data)),
          urls(config.public_url),
          changes(clock, ids, live),
          presence(*store, links, changes, live, clock, ids, config.presence),
          access(*store, clock, ids, config.access),
          audit(*store, clock, config.audit),
          users(*store, access, clock, ids),
          api_tokens(*store, access, clock, ids),
          system(*store, urls, clock, ids),
          scripts(config.scripts),
          dialects(&scripts),
          script_troubles(*store, clock, ids, config.script_troubles),
          protocols(*store, clock, ids, &scripts, config.protocols),
          products(*store, links, clock, ids),
          devices(*store, links, changes, replies, live, clock, ids, config.commands),
          credentials(*store, links, clock, ids, config.credentials),
          device_import(devices, credentials, config.imports),
          files(*store, *artifacts, urls, clock, config.files, freshness),
          missing_digests(*store, *artifacts, config.missing_digests),
          firmwares(*store, urls, clock, ids),
          tasks(*store, changes, live, clock, ids, config.tasks),
          records(*store, live, clock),
          overview(*store, clock),
          messages(*store, changes, presence, urls, live, clock, ids, config.devices, freshness),
          sender(*store, links, presence, urls, live, clock, ids),
          sign_in(*store, clock, config.sign_in, freshness),
          ddi(*store, changes, messages, files, urls, live, clock, ids, config.ddi, freshness) {
        urls.sign_with(std::make_shared<DownloadLinks>(secrets->derived("links"), config.links));
        sign_in.note_ends(credentials.ends());
    }

    [[nodiscard]] device_http::DeviceHttpServices for_devices() {
        return {sign_in, dialects, messages, presence};
    }

    DataFolder folder;
    WatchedClock clock;
    ClockFile clock_file;
    ClockFile::Seen seen;
    NotBefore id_clock;
    std::atomic<std::uint64_t> clock_jumps{0};
    SnowflakeIds ids;
    LiveEvents live;
    std::shared_ptr<WriterStatistics> writer = std::make_shared<WriterStatistics>();
    std::shared_ptr<const SecretBox> secrets;  ///< set while the store opens
    std::atomic<bool> not_synced{false};       ///< the disk did not take what the store wrote
    std::shared_ptr<Freshness> freshness = std::make_shared<Freshness>();
    std::unique_ptr<Store> store;
    std::unique_ptr<ArtifactStore> artifacts;
    PublicUrls urls;
    JoinedLinks links;
    RecordChanges changes;
    CommandReplies replies;
    Presence presence;
    AccessService access;
    AuditService audit;
    UserService users;
    ApiTokenService api_tokens;
    SystemService system;
    scripting::ScriptWorkers scripts;
    PackageDialects dialects;
    ScriptTroubles script_troubles;
    ProtocolService protocols;
    ProductService products;
    DeviceService devices;
    DeviceCredentialService credentials;
    DeviceImport device_import;
    FileService files;
    MissingDigests missing_digests;
    FirmwareService firmwares;
    TaskService tasks;
    RecordService records;
    OverviewService overview;
    DeviceMessages messages;
    UpgradeSender sender;
    DeviceSignIn sign_in;
    DdiService ddi;
};

/// Whom a trusted proxy names as its client.
rest::Api::ClientBehind client_behind(const std::string& trusted_proxies) {
    const auto proxies = std::make_shared<http::ddi::TrustedProxies>(trusted_proxies);
    return [proxies](const http::Request& request) {
        return proxies->include(request.remote_address) ? http::ddi::forwarded_for(request)
                                                        : std::nullopt;
    };
}

/// Every route of the REST API.
void api_routes(rest::Api& api, Services& services, rest::LiveFeed& feed,
                const rest::MessagingOptions& messaging) {
    const Store& store = *services.store;
    rest::access_routes(api, store, services.access);
    rest::user_routes(api, store, services.users);
    rest::api_token_routes(api, services.api_tokens);
    rest::system_routes(api, services.system, version);
    rest::audit_routes(api, store);
    rest::protocol_routes(api, store, services.protocols);
    rest::product_routes(api, store, services.products);
    rest::device_routes(api, store, services.devices);
    rest::credential_routes(api, services.credentials);
    rest::csv_routes(api, store, services.device_import);
    rest::file_routes(api, services.files);
    rest::firmware_routes(api, store, services.firmwares);
    rest::task_routes(api, store, services.tasks);
    rest::record_routes(api, store, services.records);
    rest::insight_routes(api, store);
    rest::overview_routes(api, services.overview);
    rest::live_routes(api, feed);
    rest::messaging_routes(api, feed, messaging);
}

/// The addresses of devices that speak hawkBit's API.
void ddi_routes(http::Router& router, Services& services, const http::ddi::Options& options) {
    const auto seen = [&services](const DeviceId& device, const std::string& address) {
        services.presence.seen(device, address);
    };
    http::ddi::add_routes(router, {services.ddi, services.sign_in, seen}, options);
}

/// Every address that devices call.
void device_routes(http::Router& router, Services& services,
                   device_http::WebSocketDevices& websockets,
                   const device_http::DeviceHttpOptions& options) {
    const device_http::DeviceHttpServices devices = services.for_devices();
    device_http::jetlinks_http_routes(router, devices, options);
    websockets.routes(router);
    device_http::plain_https_routes(
        router, {devices, *services.store, services.files, services.urls, services.clock}, options);
}

}  // namespace

struct Application::Parts {
    Parts(const Config& config, const std::optional<std::string>& admin_password);
    ~Parts() { stop(); }

    void connect_parts();
    void add_jobs(const Config& config);
    [[nodiscard]] std::string mqtt_address() const;   ///< empty: it does not listen
    [[nodiscard]] std::string mqtts_address() const;  ///< empty: it does not listen
    void listen(const Config& config);
    [[nodiscard]] std::optional<http::Server::Counters> http_counters() const;
    void stop();

    const milliseconds stop_grace;
    const std::shared_ptr<net::MemoryBudget> buffers;  ///< of all connections
    const bool listens_mqtt;
    const bool listens_mqtts;
    std::optional<std::string> setup_token;
    std::atomic<bool> ready{false};
    Services services;
    TlsFiles tls_files;
    Scheduler scheduler;
    rest::LiveFeed feed;
    http::Router router;
    rest::Api api;
    net::EventLoops loops;
    net::WorkerPool workers;
    net::WorkerPool uploads;
    GatewayInbox mqtt_inbox;
    mqtt::MqttGateway gateway;
    GatewayInbox websocket_inbox;
    device_http::WebSocketDevices websockets;
    ArtifactScrub scrub;
    std::vector<std::unique_ptr<http::Server>> servers;
    bool stopped = false;
    std::shared_ptr<std::atomic<std::size_t>> loops_asked =
        std::make_shared<std::atomic<std::size_t>>(0);  ///< those that have not answered yet
};

namespace {

mqtt::MqttOptions mqtt_options(const Config& config, TlsFiles& tls_files,
                               const std::shared_ptr<net::MemoryBudget>& buffers) {
    mqtt::MqttOptions options = config.mqtt;
    options.buffers = buffers;
    const auto add = [&](const std::string& key, const std::string& address,
                         std::shared_ptr<SSL_CTX> tls) {
        if (!address.empty()) {
            HostPort at = listen_of(key, address);
            options.listen.push_back({std::move(at.host), at.port, std::move(tls)});
        }
    };
    add("mqtt_listen", config.mqtt_listen, nullptr);
    add("mqtts_listen", config.mqtts_listen,
        config.mqtts_listen.empty() ? nullptr : tls_files.context());
    return options;
}

}  // namespace

Application::Parts::Parts(const Config& config, const std::optional<std::string>& admin_password)
    : stop_grace(config.stop_grace),
      buffers(std::make_shared<net::MemoryBudget>(config.buffer_bytes_max)),
      listens_mqtt(!config.mqtt_listen.empty()),
      listens_mqtts(!config.mqtts_listen.empty()),
      services(config),
      tls_files(config),
      scheduler(*services.store, services.changes, services.presence, services.tasks,
                services.files, services.sender, services.clock, services.ids,
                scheduler_options(config)),
      feed(*services.store, services.live, config.live),
      api(router, services.access, services.clock, config.api),
      loops(config.event_loops),
      workers("worker", config.workers, config.worker_queue_max),
      uploads("upload", config.upload_workers, config.upload_queue_max),
      mqtt_inbox(services.messages, services.links),
      gateway(
          loops, workers, mqtt_inbox, services.dialects,
          [this](const std::string& client_id, const std::string& username,
                 const std::string& password, const std::string& address) {
              return services.sign_in.mqtt(client_id, username, password, address);
          },
          mqtt_options(config, tls_files, buffers)),
      websocket_inbox(services.messages, services.links),
      websockets(services.sign_in, services.dialects, websocket_inbox, config.device_http),
      scrub(config.data, services.clock, config.scrub) {
    auto started = services.access.start(admin_password);
    if (!started) {
        throw std::runtime_error(started.error().message.en + " / " + started.error().message.zh);
    }
    setup_token = *std::move(started);
    services.protocols.install_builtin();
    connect_parts();
    if (services.seen.away > long_away) {
        scheduler.keep_all_for_now();
    } else {
        services.audit.prune();  // a server that is restarted every hour prunes too
    }
    add_jobs(config);
    scheduler.recover();
    services.clock_file.keep(services.clock, services.ids);
    scheduler.start();
    feed.start();
    listen(config);
    scrub.start();
    ready = true;
}

/// What the parts tell each other, all by handing over.
void Application::Parts::connect_parts() {
    services.links.join(gateway);
    mqtt_inbox.serve(gateway);
    services.links.join(websockets);
    websocket_inbox.serve(websockets);
    services.changes.listen(scheduler.record_listeners());
    services.presence.listen(scheduler.presence_listeners());
    services.tasks.hook(scheduler.task_hooks());
    scheduler.watch(services.clock, [this](milliseconds) {
        ++services.clock_jumps;
        services.clock_file.keep(services.clock, services.ids);
    });
    scheduler.add_job("note the clock", ClockFile::kept_every, [this] {
        services.clock_file.keep(services.clock, services.ids);
        return false;
    });
    scheduler.task_hooks().run_later([this] { return services.missing_digests.step(); });
    services.dialects.on_trouble(
        [this](const ScriptTrouble& trouble) { services.script_troubles.note(trouble); });
    services.protocols.on_changed(
        [this](const ProtocolId& id, const std::optional<ProtocolPackage>& package) {
            package ? services.dialects.keep(*package) : services.dialects.forget(id);
        });
    services.devices.on_changed(
        [this](const DeviceId& device) { services.presence.forget(device); });
    DeviceMessages::Hooks hooks;
    hooks.answered = [this](const DeviceId& device, const std::string& message_id,
                            const std::string& payload) {
        services.replies.complete(device, message_id, payload);
    };
    hooks.run_read = [this](std::function<void()> work) { return workers.post(std::move(work)); };
    services.messages.hook(std::move(hooks));
}

/// What is looked at again and again.
void Application::Parts::add_jobs(const Config& config) {
    constexpr milliseconds ends_every{1'000};
    scheduler.add_removal("prune audit", config.scheduler.housekeeping_every,
                          [this] { return services.audit.prune(); });
    scheduler.add_job("credential ends", ends_every, [this] {
        services.credentials.close_ended();
        return false;
    });
    if (config.tls_check_every.count() > 0) {
        scheduler.add_job("certificate", config.tls_check_every, [this] {
            if (ready) {
                tls_files.reload_if_changed();
            }
            return false;
        });
    }
}

std::optional<http::Server::Counters> Application::Parts::http_counters() const {
    if (!ready) {
        return std::nullopt;  // the list of servers still grows
    }
    http::Server::Counters all = servers.front()->counters();
    for (std::size_t i = 1; i < servers.size(); ++i) {
        all.add(servers[i]->counters());
    }
    return all;
}

void Application::Parts::listen(const Config& config) {
    api.record_in(services.audit, client_behind(config.ddi_http.trusted_proxies));
    api_routes(api, services, feed, config.messaging);
    ddi_routes(router, services, config.ddi_http);
    device_routes(router, services, websockets, config.device_http);
    PageSources pages;
    pages.ready = [this] { return ready.load(); };
    pages.disk_full = [this] { return services.writer->disk_full.load(); };
    pages.damaged_artifacts = [this] { return scrub.damaged(); };
    pages.metrics = [this] {
        return metrics_text({[this] { return http_counters(); }, router, gateway, websockets,
                             services.messages, scheduler.dispatcher(), workers, uploads, scrub,
                             services.scripts, services.access.sign_in_counters(), services.audit,
                             services.sign_in.counters(), tls_files, *services.writer,
                             *services.store, *buffers, services.folder.path().string(),
                             services.clock_jumps});
    };
    page_routes(router, std::move(pages));

    const auto serve = [&](const std::string& key, const std::string& address,
                           std::shared_ptr<SSL_CTX> tls) {
        HostPort at = listen_of(key, address);
        http::ServerOptions options = config.http;
        options.host = std::move(at.host);
        options.port = at.port;
        options.tls = std::move(tls);
        options.buffers = buffers;
        servers.push_back(std::make_unique<http::Server>(
            loops, workers, uploads, router,
            http::ddi::refusals(rest::server_refusals(router, services.clock)), options));
    };
    // Before anybody can ask for metrics, which look at all contexts.
    const std::shared_ptr<SSL_CTX> tls =
        config.https_listen.empty() ? nullptr : tls_files.context();
    serve("listen", config.listen, nullptr);
    if (tls) {
        serve("https_listen", config.https_listen, tls);
    }
    services.urls.use_if_unset("http://" + servers.front()->address() + "/api");
    gateway.start();
    if (listens_mqtt) {
        services.urls.use_mqtt_port(gateway.ports().front());
    }
}

std::string Application::Parts::mqtt_address() const {
    return listens_mqtt ? gateway.addresses().front() : std::string();
}

std::string Application::Parts::mqtts_address() const {
    return listens_mqtts ? gateway.addresses().back() : std::string();
}

void Application::Parts::stop() {
    if (stopped) {
        return;
    }
    stopped = true;
    ready = false;
    scrub.stop();
    services.scripts.stop();  // first: what waits for a script is refused, and may be ended
    gateway.stop();
    for (const auto& server : servers) {
        server->stop(stop_grace);
    }
    feed.stop();
    scheduler.stop();
    try {
        while (services.presence.flush()) {
        }
    } catch (const StorageError& error) {  // the next start begins with everybody offline
        log::warn("server", "presence not stored reason=\"{}\"", error.what());
    }
    workers.stop();
    uploads.stop();
    // What is queued is stored and its callers are told while everything they reach still lives.
    try {
        (void)services.store->write([](UnitOfWork&) -> Result<void> { return {}; });
    } catch (const StorageError& error) {
        log::warn("server", "stopping without the store reason=\"{}\"", error.what());
    }
    services.clock_file.keep(services.clock, services.ids);
    loops.stop();
}

Application::Application(const Config& config, const std::optional<std::string>& admin_password)
    : parts_(std::make_unique<Parts>(config, admin_password)) {}

Application::~Application() = default;

std::string Application::ready_line() const {
    std::string line = fmt::format(R"({{"ready":true,"http":"{}","mqtt":"{}","pid":{})",
                                   http_address(), mqtt_address(), ::getpid());
    if (parts_->servers.size() > 1) {
        line += fmt::format(R"(,"https":"{}")", parts_->servers.back()->address());
    }
    if (!parts_->mqtts_address().empty()) {
        line += fmt::format(R"(,"mqtts":"{}")", parts_->mqtts_address());
    }
    return line + "}";
}

std::string Application::http_address() const {
    return parts_->servers.front()->address();
}

std::string Application::mqtt_address() const {
    return parts_->mqtt_address();
}

std::optional<std::string> Application::setup_link() const {
    if (!parts_->setup_token) {
        return std::nullopt;
    }
    return fmt::format("http://{}/console/setup?token={}", http_address(), *parts_->setup_token);
}

bool Application::answers() {
    if (*parts_->loops_asked > 0) {
        return false;
    }
    *parts_->loops_asked = parts_->loops.size();
    for (std::size_t i = 0; i < parts_->loops.size(); ++i) {
        net::asio::post(parts_->loops.at(i), [asked = parts_->loops_asked] { --*asked; });
    }
    return true;
}

void Application::reload() {
    parts_->tls_files.reload();
}

void Application::stop() {
    parts_->stop();
}

bool Application::not_synced() const {
    return parts_->services.not_synced;
}

std::vector<std::string> all_routes() {
    Config config;
    const fs::path folder = fs::temp_directory_path() / ("updraft-routes-" + random_hex(8));
    config.data = folder.string();
    std::vector<std::string> lines;
    {
        Services services(config);
        http::Router router;
        rest::Api api(router, services.access, services.clock, config.api);
        rest::LiveFeed feed(*services.store, services.live, config.live);
        api_routes(api, services, feed, config.messaging);
        ddi_routes(router, services, config.ddi_http);
        page_routes(router, {[] { return true; }, [] { return std::string(); }, {}, {}});
        device_http::WebSocketDevices websockets(services.sign_in, services.dialects,
                                                 services.messages, config.device_http);
        device_routes(router, services, websockets, config.device_http);
        for (const auto& route : router.routes()) {
            lines.push_back(fmt::format("{} {}", http::name_of(route->method), route->pattern));
        }
    }
    fs::remove_all(folder);
    std::sort(lines.begin(), lines.end());
    return lines;
}

}  // namespace updraft::server
