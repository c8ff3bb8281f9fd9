#pragma once

namespace updraft::scripting {

/// The hidden command that makes a process a worker; the program calls worker_main() for it before
/// it does anything else.
inline constexpr const char* worker_command = "script-worker";
/// Where a worker finds its end of the socket pair.
inline constexpr int worker_socket = 3;

/// The life of a worker: reads a script, gives everything else up, answers calls until the socket
/// closes. Returns the exit status.
int worker_main();

}  // namespace updraft::scripting
