#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

/// What a JetLinks device says and hears (spec 4.2 to 4.4), from the device's side. Pure.
namespace updraft::simulator {

/// "Install this": from a push or from the answer to a pull.
struct UpgradeOrder {
    std::string message_id;
    std::string url;
    std::string version;
    std::string sign;         ///< hex; empty: nothing to compare with
    std::string sign_method;  ///< "md5" or "sha256"
    std::string firmware_id;
    std::int64_t size_bytes = 0;  ///< 0: unknown
    bool force = false;           ///< install even if the version is there already
};

/// A message of the platform.
struct Downlink {
    enum class Kind : std::uint8_t { upgrade, pull_reply, read_firmware, other };
    Kind kind = Kind::other;
    std::string message_id;
    std::optional<UpgradeOrder> order;  ///< absent from a pull reply that has nothing to offer
};

/// Reads a message by the end of its topic. Nothing if the payload is no JSON object, or if an
/// upgrade lacks a URL or a version.
[[nodiscard]] std::optional<Downlink> parse_downlink(std::string_view topic,
                                                     std::string_view payload);

struct Credentials {
    std::string username;
    std::string password;
};
/// The official sign-in: username `secureId|millis`, password md5("username|secureKey").
[[nodiscard]] Credentials sign_in(std::string_view secure_id, std::string_view secure_key,
                                  Instant now);

/// How an upgrade is going.
struct Progress {
    int percent = 0;
    bool complete = false;
    bool success = true;
    std::string_view error_reason;
};

/// Bodies of the uplinks.
[[nodiscard]] std::string report_body(std::string_view version, Instant now);
[[nodiscard]] std::string read_reply_body(std::string_view message_id, std::string_view version,
                                          Instant now);
[[nodiscard]] std::string accept_body(std::string_view message_id, Instant now);
[[nodiscard]] std::string refuse_body(std::string_view message_id, std::string_view code,
                                      std::string_view message, Instant now);
[[nodiscard]] std::string progress_body(const UpgradeOrder& order, const Progress& progress,
                                        Instant now);
enum class PullOrder : std::uint8_t { sequential, latest };
[[nodiscard]] std::string pull_body(std::string_view message_id, std::string_view current_version,
                                    PullOrder order, Instant now);

}  // namespace updraft::simulator
