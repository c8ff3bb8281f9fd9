#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/jetlinks/json_members.hpp"
#include "protocol/jetlinks/topics.hpp"
#include "protocol/messages.hpp"

/// What an uplink's members mean (spec 4.4), however it came: by topic, or as a frame.
namespace updraft::jetlinks {

/// How much of a payload is kept for the device's log.
inline constexpr std::size_t kept_payload_bytes = 4096;

/// The payload as text of at most `bytes` bytes. Binary content becomes hex: no store or console
/// takes bytes that are not text.
[[nodiscard]] std::string readable(std::string_view payload, std::size_t bytes);

/// The device's clock; `timestampe` is a spelling that old documents taught. Nothing for a time
/// that is not between 1970 and the year 9999.
[[nodiscard]] std::optional<Instant> timestamp_of(const JsonMembers& members);

/// The message of a known kind. `payload` is the text that the members were read from;
/// `reply_topic` is where the answer to a time-sync goes.
[[nodiscard]] UplinkBody read_body(const UplinkTopic& known, const JsonMembers& members,
                                   std::string_view payload, std::string reply_topic);

}  // namespace updraft::jetlinks
