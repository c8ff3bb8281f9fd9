#pragma once

#include <cstddef>

#include "transport/http/rest/api.hpp"
#include "transport/http/rest/live_feed.hpp"

namespace updraft::rest {

/// Limits of one WebSocket connection. Keys of the configuration under [messaging].
struct MessagingOptions {
    std::size_t subscriptions_max = 100;
    std::size_t id_bytes_max = 128;
    std::size_t topic_bytes_max = 256;
};

/// GET /messaging/{token}: the WebSocket of spec 2.12. `feed` must outlive the server.
void messaging_routes(Api& api, LiveFeed& feed, MessagingOptions options = {});

/// True if `topic` matches `pattern`: `*` is one segment, `**` any number of them.
[[nodiscard]] bool topic_matches(std::string_view pattern, std::string_view topic);

/// The WebSocket's handler, for one signed-in person; `identify_again` says who that is now, an
/// empty one that it stays so. Also used by tests.
[[nodiscard]] std::shared_ptr<http::WebSocketHandler> open_messaging(
    LiveFeed& feed, const Identity& identity, Language language,
    std::shared_ptr<http::WebSocketSender> sender, const MessagingOptions& options,
    std::function<Result<Identity>(LiveFeed::Round)> identify_again = {});

}  // namespace updraft::rest
