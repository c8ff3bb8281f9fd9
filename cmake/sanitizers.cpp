// Linked into every program of a sanitized build: how its sanitizer behaves, and what it is not to
// report. A suppression is for code that is not ours, and says why it is wrong about it.
//
// The runtime calls these before it is ready itself: nothing in here may be instrumented.
#define UPDRAFT_ANSWER_OF_RUNTIME \
    extern "C" __attribute__((used, visibility("default"), disable_sanitizer_instrumentation))

// 77 is a status that no command of ours ends with: whoever started the process can tell a report
// from a failure, even where nobody reads the report (a script's worker has no file to write it
// to).

UPDRAFT_ANSWER_OF_RUNTIME const char* __asan_default_options() {
    return "exitcode=77:check_initialization_order=1:strict_init_order=1:strict_string_checks=1:"
           "detect_stack_use_after_return=1";
}

UPDRAFT_ANSWER_OF_RUNTIME const char* __lsan_default_options() {
    return "exitcode=77";
}

UPDRAFT_ANSWER_OF_RUNTIME const char* __ubsan_default_options() {
    return "exitcode=77:print_stacktrace=1";
}

UPDRAFT_ANSWER_OF_RUNTIME const char* __tsan_default_options() {
    return "exitcode=77:second_deadlock_stack=1";
}

UPDRAFT_ANSWER_OF_RUNTIME const char* __tsan_default_suppressions() {
    // The reference count of std::exception_ptr lives in libstdc++.so, which is not instrumented:
    // the release of an exception that crossed threads is taken for a race, and so is the end of
    // its text.
    return "race:std::__exception_ptr::exception_ptr::_M_release\n"
           "race:std::runtime_error::~runtime_error\n";
}
