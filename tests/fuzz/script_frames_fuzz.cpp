// What a script worker says, against arbitrary bytes: nothing is read past the end, no more is kept
// than came, and what is understood says the same when it is written again.
#include "scripting/frames.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace updraft::fuzz {
namespace {

using namespace updraft::scripting;

std::string_view body(const std::string& frame) {
    return std::string_view(frame).substr(frame_head_bytes);
}

}  // namespace

UPDRAFT_FUZZ_TARGET(script_frames) {
    if (const auto answers = read_answers(input)) {
        std::size_t kept = 0;
        for (const Answer& answer : *answers) {
            for (const std::string& item : answer.items) {
                kept += item.size();
            }
        }
        UPDRAFT_ASSERT(kept <= input.size());
        UPDRAFT_ASSERT(read_answers(body(answers_frame(*answers))) == answers);
    }
    if (const auto calls = read_calls(input)) {
        std::vector<const updraft::ScriptCall*> again;
        for (const updraft::ScriptCall& call : *calls) {
            again.push_back(&call);
        }
        UPDRAFT_ASSERT(read_calls(body(calls_frame(again))).has_value());
    }
    if (const auto load = read_load(input)) {
        UPDRAFT_ASSERT(read_load(body(load_frame(*load))).has_value());
    }
}

}  // namespace updraft::fuzz
