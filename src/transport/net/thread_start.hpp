#pragma once

#include <string>

namespace updraft::net {

/// First thing in every thread of ours: names it (15 characters show) and leaves the signals that
/// end or steer the process to the main thread. SIGPIPE is blocked, so that writing to a peer that
/// hung up is EPIPE also where no MSG_NOSIGNAL can be given (OpenSSL, sendfile).
void start_thread(const std::string& name);

}  // namespace updraft::net
