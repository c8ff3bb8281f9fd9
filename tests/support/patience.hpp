#pragma once

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace updraft {

/// The deadline of a wait that is `usual` long where the code has its usual speed. A build with
/// sanitizers is slower: there UPDRAFT_TEST_PATIENCE says how many times as long every wait may
/// take. (The integration tests' twin is support/waiting.py.)
inline std::chrono::milliseconds patient(std::chrono::milliseconds usual) {
    const char* times = std::getenv("UPDRAFT_TEST_PATIENCE");
    return times == nullptr ? usual : usual * std::max(std::atoi(times), 1);
}

}  // namespace updraft
