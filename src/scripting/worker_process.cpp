#include "scripting/worker_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "scripting/frames.hpp"
#include "scripting/worker.hpp"

namespace updraft::scripting {
namespace {

using Clock = std::chrono::steady_clock;

void check(int error, const char* what) {
    if (error != 0) {
        throw std::system_error(error, std::generic_category(), what);
    }
}

/// posix_spawn's two bags of settings.
struct SpawnSettings {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};

    SpawnSettings() {
        check(::posix_spawn_file_actions_init(&files), "posix_spawn_file_actions_init");
        check(::posix_spawnattr_init(&attributes), "posix_spawnattr_init");
    }
    ~SpawnSettings() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

/// Starts the program with the socket as its only file, signals as they are by default, no
/// environment, and a process group of its own: a terminal's Ctrl-C is for the server.
pid_t spawn(const std::string& program, int socket) {
    SpawnSettings settings;
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        check(::posix_spawn_file_actions_addopen(&settings.files, standard, "/dev/null", O_RDWR, 0),
              "posix_spawn_file_actions_addopen");
    }
    check(::posix_spawn_file_actions_adddup2(&settings.files, socket, worker_socket),
          "posix_spawn_file_actions_adddup2");
    check(::posix_spawn_file_actions_addclosefrom_np(&settings.files, worker_socket + 1),
          "posix_spawn_file_actions_addclosefrom_np");
    sigset_t all;
    sigset_t none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    check(::posix_spawnattr_setsigdefault(&settings.attributes, &all), "setsigdefault");
    check(::posix_spawnattr_setsigmask(&settings.attributes, &none), "setsigmask");
    check(::posix_spawnattr_setpgroup(&settings.attributes, 0), "setpgroup");
    check(::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGDEF |
                                                               POSIX_SPAWN_SETSIGMASK |
                                                               POSIX_SPAWN_SETPGROUP),
          "setflags");
    std::string name = "updraft";
    std::string command = worker_command;
    char* const arguments[] = {name.data(), command.data(), nullptr};
    char* const environment[] = {nullptr};
    pid_t pid = -1;
    check(::posix_spawn(&pid, program.c_str(), &settings.files, &settings.attributes, arguments,
                        environment),
          "posix_spawn");
    return pid;
}

/// Waits until the socket may be read (or written, if `out`); false when the time is over.
bool wait(int socket, bool out, Clock::time_point until) {
    for (;;) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) {
            return false;
        }
        pollfd one{socket, static_cast<short>(out ? POLLOUT : POLLIN), 0};
        const int ready = ::poll(&one, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
        if (ready > 0) {
            return true;
        }
        if (ready < 0 && errno != EINTR) {
            return false;
        }
    }
}

bool again(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

WorkerProcess::Outcome send_all(int socket, std::string_view bytes, Clock::time_point until) {
    while (!bytes.empty()) {
        const ssize_t put = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (put > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(put));
        } else if (put == 0 || !again(errno)) {
            return WorkerProcess::Outcome::ended;
        } else if (!wait(socket, true, until)) {
            return WorkerProcess::Outcome::timed_out;
        }
    }
    return WorkerProcess::Outcome::answered;
}

WorkerProcess::Outcome receive_all(int socket, char* out, std::size_t size,
                                   Clock::time_point until) {
    while (size > 0) {
        const ssize_t got = ::recv(socket, out, size, MSG_DONTWAIT);
        if (got > 0) {
            out += got;
            size -= static_cast<std::size_t>(got);
        } else if (got == 0 || !again(errno)) {
            return WorkerProcess::Outcome::ended;
        } else if (!wait(socket, false, until)) {
            return WorkerProcess::Outcome::timed_out;
        }
    }
    return WorkerProcess::Outcome::answered;
}

}  // namespace

WorkerProcess::WorkerProcess(const std::string& program) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    socket_ = ends[0];
    int theirs = ends[1];
    if (theirs == worker_socket) {
        theirs =
            ::fcntl(ends[1], F_DUPFD_CLOEXEC, worker_socket + 1);  // dup2 on itself keeps CLOEXEC
        ::close(ends[1]);
    }
    try {
        pid_ = spawn(program, theirs);
    } catch (...) {
        ::close(theirs);
        ::close(socket_);
        throw;
    }
    ::close(theirs);
}

WorkerProcess::~WorkerProcess() {
    (void)end();
    ::close(socket_);
}

WorkerProcess::Outcome WorkerProcess::exchange(std::string_view frame, std::size_t reply_bytes_max,
                                               std::chrono::milliseconds within,
                                               std::string& reply) {
    const Clock::time_point until = Clock::now() + within;
    Outcome outcome = send_all(socket_, frame, until);
    if (outcome != Outcome::answered) {
        return outcome;
    }
    char head[frame_head_bytes];
    outcome = receive_all(socket_, head, sizeof head, until);
    if (outcome != Outcome::answered) {
        return outcome;
    }
    const std::size_t length = frame_length({head, sizeof head});
    if (length > reply_bytes_max) {
        return Outcome::broken;
    }
    reply.resize(length);
    return receive_all(socket_, reply.data(), reply.size(), until);
}

std::string WorkerProcess::end() {
    if (pid_ < 0) {
        return "it has ended";
    }
    // One that has ended by itself keeps its own status: signals to it have no effect any more.
    (void)::kill(pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        const char* name = ::sigdescr_np(signal);
        return fmt::format("signal {} ({})", signal, name == nullptr ? "?" : name);
    }
    return fmt::format("status {}", WEXITSTATUS(status));
}

}  // namespace updraft::scripting
