#pragma once

#include <string_view>
#include <vector>

#include "base/assert.hpp"

/// What a fuzzer does with an input, written once and called by two programs: libFuzzer's, which
/// makes inputs up, and fuzz_replay_test, which runs over all that are kept.
namespace updraft::fuzz {

struct Target {
    std::string_view name;  ///< also of its folder under corpus/
    void (*take)(std::string_view input);
};

/// The targets of this program.
inline std::vector<Target>& targets() {
    static std::vector<Target> all;
    return all;
}

struct Registered {
    Registered(std::string_view name, void (*take)(std::string_view input)) {
        targets().push_back({name, take});
    }
};

}  // namespace updraft::fuzz

/// Begins the function that takes one `input`; it ends the program with UPDRAFT_ASSERT when a
/// property does not hold. Whatever it keeps between inputs must not change what an input does.
#define UPDRAFT_FUZZ_TARGET(name)                                                 \
    static void take_##name(std::string_view input);                              \
    static const updraft::fuzz::Registered registered_##name(#name, take_##name); \
    static void take_##name(std::string_view input)
