#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace updraft::scripting {

/// One worker as the server sees it: a child process and a socket to it. It ends with the thread
/// that started it. One thread at a time.
class WorkerProcess {
public:
    /// Starts `program` with the hidden command. Throws std::system_error.
    explicit WorkerProcess(const std::string& program);
    /// Ends the process if it still runs.
    ~WorkerProcess();
    WorkerProcess(const WorkerProcess&) = delete;
    WorkerProcess& operator=(const WorkerProcess&) = delete;

    enum class Outcome : std::uint8_t {
        answered,
        timed_out,  ///< no whole answer within the time
        ended,      ///< the process is gone
        broken,     ///< the answer is longer than allowed
    };
    /// Sends a frame and waits for the one that answers it, `reply` without its head. After
    /// anything but `answered` the worker is of no more use.
    [[nodiscard]] Outcome exchange(std::string_view frame, std::size_t reply_bytes_max,
                                   std::chrono::milliseconds within, std::string& reply);

    /// Ends the process and says how it ended, for people: "signal 31 (Bad system call)".
    [[nodiscard]] std::string end();
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    int socket_ = -1;
    pid_t pid_ = -1;
};

}  // namespace updraft::scripting
