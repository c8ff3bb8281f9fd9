#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

/// The JSON documents that hawkBit's clients read (hawkbit-ddi 3-10), and nothing else of them:
/// what stands in them is decided elsewhere. Every function gives the text of one document.
namespace updraft::ddi {

/// What the poll says (hawkbit-ddi 3). Links are absolute; an empty one is left out.
struct PollDocument {
    seconds sleep{0};  ///< below 24 h
    std::string deployment_base;
    std::string confirmation_base;
    std::string cancel_action;
    std::string installed_base;
    std::string config_data;
};
[[nodiscard]] std::string to_json(const PollDocument& poll);

/// `HH:MM:SS`, zero-padded: all that the clients read. At most 23:59:59.
[[nodiscard]] std::string sleep_text(seconds sleep);

/// One file of a module. What is empty is left out.
struct ArtifactDocument {
    std::string filename;
    std::int64_t size_bytes = 0;
    std::string sha1;
    std::string md5;
    std::string sha256;
    std::string download;  ///< over https; empty: none
    std::string md5sum;
    std::string download_http;
    std::string md5sum_http;
};
[[nodiscard]] std::string to_json(const std::vector<ArtifactDocument>& artifacts);

struct MetadataEntry {
    std::string key;
    std::string value;
};

/// One software module.
struct ChunkDocument {
    std::string part;
    std::string name;
    std::string version;
    std::vector<ArtifactDocument> artifacts;
    std::vector<MetadataEntry> metadata;
};

/// How a client is to take an update. Sent by name.
enum class Handling : std::uint8_t { forced, attempt, skip };

/// What was said of an action so far, newest first.
struct HistoryDocument {
    std::string status;
    std::vector<std::string> messages;
};

/// An action: to be installed, to be agreed to, or installed (hawkbit-ddi 4, 7, 9).
struct DeploymentDocument {
    std::int64_t id = 0;                      ///< sent as text: a number breaks a client
    std::string_view content = "deployment";  ///< or "confirmation"
    Handling download = Handling::forced;
    Handling update = Handling::forced;
    std::vector<ChunkDocument> chunks;
    std::optional<HistoryDocument> history;
};
[[nodiscard]] std::string to_json(const DeploymentDocument& deployment);

/// hawkBit's own names for two module types of old.
[[nodiscard]] std::string_view part_name(std::string_view part);

/// `{"id":"11","cancelAction":{"stopId":"11"}}`
[[nodiscard]] std::string cancel_json(std::int64_t action);

/// Whether the device agrees to everything (hawkbit-ddi 7).
struct AutoConfirmDocument {
    bool active = false;
    std::string initiator;
    std::string remark;
    std::optional<Instant> activated_at;
    std::string activate;    ///< link, where it is not active
    std::string deactivate;  ///< link, where it is
    std::string confirmation_base;
};
[[nodiscard]] std::string to_json(const AutoConfirmDocument& confirmation);

/// A refusal in hawkBit's shape.
struct ErrorDocument {
    std::string exception_class;
    std::string error_code;
    std::string message;
};
[[nodiscard]] std::string to_json(const ErrorDocument& error);

}  // namespace updraft::ddi
