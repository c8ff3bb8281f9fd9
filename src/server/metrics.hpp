#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "app/device_messages.hpp"
#include "scheduler/dispatcher.hpp"
#include "storage/artifacts/artifact_scrub.hpp"
#include "transport/http/devices/websocket_devices.hpp"
#include "scripting/script_workers.hpp"
#include "transport/http/server.hpp"
#include "transport/mqtt/gateway.hpp"
#include "transport/net/worker_pool.hpp"

namespace updraft::server {

/// What the metrics are read from; all of it outlives whoever calls metrics_text().
struct MetricSources {
    std::function<http::Server::Counters()> http;  ///< unset while the server starts
    const mqtt::MqttGateway& mqtt;
    const device_http::WebSocketDevices& websockets;
    const DeviceMessages& messages;
    const Dispatcher& dispatcher;
    const net::WorkerPool& workers;
    const net::WorkerPool& uploads;
    const ArtifactScrub& scrub;
    const std::atomic<std::uint64_t>& store_operations;
    const scripting::ScriptWorkers& scripts;
};

/// The metrics in Prometheus' text format.
[[nodiscard]] std::string metrics_text(const MetricSources& sources);

}  // namespace updraft::server
