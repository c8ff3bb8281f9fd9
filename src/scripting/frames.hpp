#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/script_host.hpp"
#include "scripting/limits.hpp"

/// What server and worker say to each other; the format is docs/internals/script-frames.md. What
/// comes from a worker is not to be trusted: nothing here reads past the end or keeps more than it
/// was given.
namespace updraft::scripting {

/// Why a call failed inside the worker.
enum class Fault : std::uint8_t {
    none = 0,
    script = 1,        ///< an error of the script's own
    instructions = 2,  ///< too many
    memory = 3,        ///< too much
    output = 4,        ///< an answer that is none, or too long
};

/// An answer as it travels.
struct Answer {
    Fault fault = Fault::none;
    Text message;  ///< of a fault
    std::uint32_t line = 0;
    std::vector<std::string> items;
    std::vector<std::string> log;
    friend bool operator==(const Answer&, const Answer&) = default;
};

/// The first thing a worker hears.
struct Load {
    Limits limits;
    std::string script;
};

inline constexpr std::size_t frame_head_bytes = 4;

/// The length of a frame without its head, as its head says.
[[nodiscard]] std::uint32_t frame_length(std::string_view head);

/// Whole frames, head included.
[[nodiscard]] std::string load_frame(const Load& load);
[[nodiscard]] std::string calls_frame(const std::vector<const ScriptCall*>& calls);
[[nodiscard]] std::string answers_frame(const std::vector<Answer>& answers);

/// Frames without their head. Nothing if that is not what the bytes are.
[[nodiscard]] std::optional<Load> read_load(std::string_view frame);
[[nodiscard]] std::optional<std::vector<ScriptCall>> read_calls(std::string_view frame);
[[nodiscard]] std::optional<std::vector<Answer>> read_answers(std::string_view frame);

}  // namespace updraft::scripting
