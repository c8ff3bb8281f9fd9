#pragma once

#include <cstdio>
#include <cstdlib>

/// For our own mistakes only: no input, however hostile, reaches one. Stays on in release builds.
#define UPDRAFT_ASSERT(condition)                                                                   \
    do {                                                                                            \
        if (!(condition)) {                                                                         \
            std::fprintf(stderr, "%s:%d: broken invariant: %s\n", __FILE__, __LINE__, #condition);  \
            std::abort();                                                                           \
        }                                                                                           \
    } while (false)
