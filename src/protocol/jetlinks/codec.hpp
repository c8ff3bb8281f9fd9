#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "protocol/messages.hpp"

namespace updraft::jetlinks {

/// Decodes an uplink of the JetLinks official protocol, v2 and v3 (spec 4.1, 4.3, 4.4). Lenient
/// as 4.1 says: coerces numbers and strings, ignores unknown members, takes an empty payload as {}.
/// Nothing for a topic that the protocol does not know: that is ignored, not an error.
/// Errors: malformed (payload of a firmware topic that is not a JSON object; path without a device
/// id).
[[nodiscard]] Result<std::optional<UplinkMessage>> decode(std::string_view topic,
                                                          std::string_view payload);

/// Encodes a downlink with its topic; null members are left out. A command (`OtherDownlink`) whose
/// message type has no downlink topic in spec 4.3 gives an empty topic: there is nothing to send.
[[nodiscard]] TopicMessage encode(const DownlinkMessage& message);

/// Why a sign-in was refused; texts of spec 4.2 in the log and the device's timeline.
enum class SignInRefusal : std::uint8_t { malformed_username, clock_differs, wrong_key };
[[nodiscard]] Text describe(SignInRefusal refusal);

/// What a product and its device hold to check a sign-in against.
struct SignInKeys {
    std::string secure_id;
    std::string secure_key;
    bool plain_auth =
        false;  ///< product switch `plainAuth`: username = secureId, password = secureKey too
    milliseconds window{300'000};
};

/// Checks MQTT credentials (spec 4.2): username `secureId|timestampMillis[|...]`, password lower-
/// or upper-case hex of md5(username + "|" + secureKey), |now - timestamp| <= window. Compares in
/// constant time.
[[nodiscard]] std::optional<SignInRefusal> check_sign_in(std::string_view username,
                                                         std::string_view password,
                                                         const SignInKeys& keys, Instant now);

}  // namespace updraft::jetlinks
