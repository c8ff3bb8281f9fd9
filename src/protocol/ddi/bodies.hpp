#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

/// The bodies that hawkBit's clients send (hawkbit-ddi 5-9). Unknown members are ignored: both
/// known clients send some. All errors are `malformed`.
namespace updraft::ddi {

/// What the client is doing. Sent by name.
enum class Execution : std::uint8_t {
    closed,
    proceeding,
    canceled,
    scheduled,
    rejected,
    resumed,
    downloaded,
    download,
};
[[nodiscard]] std::string_view name_of(Execution execution);

/// How it went; means something with `closed` only. Sent by name.
enum class Finished : std::uint8_t { none, success, failure };
[[nodiscard]] std::string_view name_of(Finished finished);

/// One report about an action (hawkbit-ddi 5).
struct Feedback {
    Execution execution = Execution::proceeding;
    Finished finished = Finished::none;
    /// 100 x cnt / of; nothing where the client does not say, or says it of nothing (0 of 0).
    std::optional<int> progress_percent;
    std::optional<std::int64_t> code;
    std::vector<std::string> details;  ///< its own words, as sent
    friend bool operator==(const Feedback&, const Feedback&) = default;
};
[[nodiscard]] Result<Feedback> parse_feedback(std::string_view json);

/// What a client tells of itself (hawkbit-ddi 8).
struct ConfigData {
    enum class Mode : std::uint8_t { merge, replace, remove };
    Mode mode = Mode::merge;
    std::map<std::string, std::optional<std::string>> data;  ///< no value: the key goes
    friend bool operator==(const ConfigData&, const ConfigData&) = default;
};
[[nodiscard]] Result<ConfigData> parse_config_data(std::string_view json);

/// The answer to a question for consent (hawkbit-ddi 7).
struct Confirmation {
    bool confirmed = false;
    std::optional<std::int64_t> code;
    std::vector<std::string> details;
    friend bool operator==(const Confirmation&, const Confirmation&) = default;
};
[[nodiscard]] Result<Confirmation> parse_confirmation(std::string_view json);

/// Consent for whatever comes. An empty body is one without words.
struct AutoConfirmation {
    std::string initiator;
    std::string remark;
    friend bool operator==(const AutoConfirmation&, const AutoConfirmation&) = default;
};
[[nodiscard]] Result<AutoConfirmation> parse_auto_confirmation(std::string_view json);

/// A set that the client found itself to run (hawkbit-ddi 9).
struct InstalledSet {
    std::string name;
    std::string version;
    friend bool operator==(const InstalledSet&, const InstalledSet&) = default;
};
[[nodiscard]] Result<InstalledSet> parse_installed_set(std::string_view json);

}  // namespace updraft::ddi
