#pragma once

#include "transport/http/rest/api.hpp"
#include "transport/http/rest/live_feed.hpp"

namespace updraft::rest {

/// GET /events: server-sent events `task`, `record` and `device`, with the JSON of the REST
/// answers. Query `firmwareId` and `taskId` narrow them down. `feed` must outlive the server.
void live_routes(Api& api, LiveFeed& feed);

/// What is told of a device that came or went.
[[nodiscard]] json::object device_event_json(const live::DeviceStateChanged& change, Instant at,
                                             Language language);

}  // namespace updraft::rest
