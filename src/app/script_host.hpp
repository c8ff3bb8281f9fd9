#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "base/text.hpp"
#include "domain/product.hpp"

namespace updraft {

/// The source of a protocol package, as it was saved at one time.
struct Script {
    ProtocolId package;
    std::string text;
};

/// What a script says of itself when it is loaded.
struct ScriptDeclaration {
    std::vector<TransportDetail> transports;
    std::vector<ScriptConfigKey> config_keys;
    friend bool operator==(const ScriptDeclaration&, const ScriptDeclaration&) = default;
};

/// One message to be translated.
struct ScriptCall {
    enum class Direction : std::uint8_t {
        decode,  ///< bytes of a device -> message
        encode,  ///< message of ours -> bytes for a device
    };
    Direction direction = Direction::decode;
    std::string topic;    ///< of a decode
    std::string payload;  ///< bytes of a decode; of an encode the message's JSON text
    ProductId product;
    DeviceId device;
    std::optional<DeviceId> gateway;
};

/// Why a script did not answer.
struct ScriptFailure {
    enum class Kind : std::uint8_t {
        script,   ///< an error of its own, or an answer that is none
        stopped,  ///< a limit of time or memory; or it broke its worker
        paused,   ///< it was stopped too often lately
        later,    ///< too much waits for it, or the server stops
    };
    Kind kind = Kind::script;
    Text message;  ///< without the line
    std::optional<int> line;

    /// The message, with the line in front if there is one.
    [[nodiscard]] Text described() const {
        return line ? Text{fmt::format("第{}行: {}", *line, message.zh),
                           fmt::format("line {}: {}", *line, message.en)}
                    : message;
    }
    friend bool operator==(const ScriptFailure&, const ScriptFailure&) = default;
};

/// What came of a call.
struct ScriptAnswer {
    std::optional<ScriptFailure> failure;
    /// Of a decode: the JSON text of each message, none if the script has no use for it. Of an
    /// encode: topic and payload, or nothing if it has no words for it. Not to be trusted.
    std::vector<std::string> items;
    std::vector<std::string> log;  ///< what it printed, bounded
};

/// Runs the scripts of protocol packages where they can do no harm. Safe from every thread.
class ScriptHost {
public:
    virtual ~ScriptHost() = default;

    using Answered = std::function<void(ScriptAnswer)>;
    /// Queues a call; never blocks. `done` is called once, on another thread or before this returns
    /// when the call is refused; the calls of one package are answered in their order.
    virtual void call(std::shared_ptr<const Script> script, ScriptCall call, Answered done) = 0;

    /// Loads a script in a worker of its own and asks what it declares. Blocks, with a limit.
    [[nodiscard]] virtual std::expected<ScriptDeclaration, ScriptFailure> check(
        const std::string& text) = 0;
    /// Makes one call of a script in a worker of its own. Blocks, with a limit.
    [[nodiscard]] virtual ScriptAnswer attempt(const std::string& text, const ScriptCall& call) = 0;
};

}  // namespace updraft
