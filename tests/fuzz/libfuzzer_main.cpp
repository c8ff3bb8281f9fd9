// libFuzzer's way into the one target of a program.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    updraft::fuzz::targets().front().take({reinterpret_cast<const char*>(data), size});
    return 0;
}
