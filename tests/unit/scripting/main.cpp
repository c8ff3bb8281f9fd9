// The test program is a worker too, as `updraft` is.
#include <gtest/gtest.h>

#include <cstring>

#include "scripting/worker.hpp"

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], updraft::scripting::worker_command) == 0) {
        return updraft::scripting::worker_main();
    }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
