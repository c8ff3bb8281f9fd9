#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/access_service.hpp"
#include "app/audit.hpp"
#include "app/device_access.hpp"
#include "app/device_messages.hpp"
#include "app/ports.hpp"
#include "scheduler/dispatcher.hpp"
#include "scripting/script_workers.hpp"
#include "server/tls_files.hpp"
#include "storage/artifacts/artifact_scrub.hpp"
#include "storage/sqlite/sqlite_store.hpp"
#include "transport/http/devices/websocket_devices.hpp"
#include "transport/http/router.hpp"
#include "transport/http/server.hpp"
#include "transport/mqtt/gateway.hpp"
#include "transport/net/memory_budget.hpp"
#include "transport/net/worker_pool.hpp"

namespace updraft::server {

/// What the metrics are read from; all of it outlives whoever calls metrics_text().
struct MetricSources {
    /// Of all listeners together; nothing while the server starts.
    std::function<std::optional<http::Server::Counters>()> http;
    const http::Router& router;
    const mqtt::MqttGateway& mqtt;
    const device_http::WebSocketDevices& websockets;
    const DeviceMessages& messages;
    const Dispatcher& dispatcher;
    const net::WorkerPool& workers;
    const net::WorkerPool& uploads;
    const ArtifactScrub& scrub;
    const scripting::ScriptWorkers& scripts;
    const SignInCounters& sign_ins;
    const AuditService& audit;
    const DeviceSignInCounters& device_sign_ins;
    const TlsFiles& tls;
    const WriterStatistics& writer;
    const Store& store;
    const net::MemoryBudget& buffers;
    std::string data_folder;
    std::uint64_t clock_jumps = 0;
};

/// The metrics in Prometheus' text format; docs/operating/monitoring.md explains them. Reads totals
/// from the store, for worker threads only.
[[nodiscard]] std::string metrics_text(const MetricSources& sources);

}  // namespace updraft::server
