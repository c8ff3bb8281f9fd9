#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "protocol/messages.hpp"

/// Messages without a topic: one JSON object whose `messageType` says what it is (spec 4.6). What
/// WebSocket carries, and what Lua packages make of their devices' bytes.
namespace updraft::jetlinks {

/// Decodes a frame that came over the connection of `device` of `product`. A `deviceId` in it that
/// is another one makes it a message of that child. The type may be all lower case; without one it
/// is guessed as the specification says. Nothing for a type that means nothing to us. Errors:
/// malformed (not a JSON object).
[[nodiscard]] Result<std::optional<UplinkMessage>> decode_frame(std::string_view text,
                                                                const ProductId& product,
                                                                const DeviceId& device);

/// The JSON object of a downlink with its `messageType`; for a child with the child's `deviceId`.
[[nodiscard]] std::string encode_frame(const DownlinkMessage& message);

}  // namespace updraft::jetlinks
