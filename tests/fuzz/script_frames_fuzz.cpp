// What a script worker says, against arbitrary bytes: nothing is read past the end, no more is kept
// than came, and what is understood says the same when it is written again.
#include <cstdlib>

#include "scripting/frames.hpp"

namespace {

using namespace updraft::scripting;

std::string_view body(const std::string& frame) {
    return std::string_view(frame).substr(frame_head_bytes);
}

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    if (const auto answers = read_answers(input)) {
        std::size_t kept = 0;
        for (const Answer& answer : *answers) {
            for (const std::string& item : answer.items) {
                kept += item.size();
            }
        }
        require(kept <= size);
        require(read_answers(body(answers_frame(*answers))) == answers);
    }
    if (const auto calls = read_calls(input)) {
        std::vector<const updraft::ScriptCall*> again;
        for (const updraft::ScriptCall& call : *calls) {
            again.push_back(&call);
        }
        require(read_calls(body(calls_frame(again))).has_value());
    }
    if (const auto load = read_load(input)) {
        require(read_load(body(load_frame(*load))).has_value());
    }
    return 0;
}
