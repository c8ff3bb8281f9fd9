#pragma once

#include <memory>
#include <string_view>

#include "scripting/frames.hpp"

namespace updraft::scripting {

/// One script in an interpreter of its own, held to its limits of instructions, memory and output.
/// That is no sandbox by itself: what runs inside one C function, such as a pathological
/// string.find, is not counted. So it lives in a worker process that the server can end.
///
/// Nothing that a script does is an exception here. One thread.
class Sandbox {
public:
    explicit Sandbox(const Limits& limits);
    ~Sandbox();
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;

    /// Loads the script, once. The one item of the answer is the JSON text of what it declares:
    /// `transports`, `features`, `config` as they stand there, `decode` and `encode` true or false.
    [[nodiscard]] Answer load(std::string_view script);
    /// Makes one call. After one that was stopped by a limit the script is loaded anew, so that the
    /// next one finds a fresh state.
    [[nodiscard]] Answer call(const ScriptCall& call);

private:
    class Interpreter;
    const Limits limits_;
    std::string script_;
    std::unique_ptr<Interpreter> interpreter_;
};

}  // namespace updraft::scripting
