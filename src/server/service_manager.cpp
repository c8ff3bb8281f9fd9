#include "server/service_manager.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/log.hpp"

namespace updraft::server {
namespace {

std::string taken_from_environment(const char* name) {
    const char* found = std::getenv(name);
    std::string value = found == nullptr ? "" : found;
    ::unsetenv(name);
    return value;
}

}  // namespace

ServiceManager::ServiceManager() : socket_(taken_from_environment("NOTIFY_SOCKET")) {
    const std::string period = taken_from_environment("WATCHDOG_USEC");
    const std::string process = taken_from_environment("WATCHDOG_PID");
    std::int64_t micros = 0;
    std::from_chars(period.data(), period.data() + period.size(), micros);
    if (micros > 0 && (process.empty() || process == std::to_string(::getpid()))) {
        alive_every_ = std::chrono::milliseconds(std::max<std::int64_t>(micros / 2'000, 1));
    }
}

void ServiceManager::ready(const std::string& status) const {
    send(fmt::format("READY=1\nMAINPID={}\nSTATUS={}", ::getpid(), status));
}

void ServiceManager::stopping() const {
    send("STOPPING=1");
}

void ServiceManager::alive() const {
    send("WATCHDOG=1");
}

void ServiceManager::send(const std::string& state) const {
    sockaddr_un address{};
    if (socket_.size() < 2 || socket_.size() >= sizeof address.sun_path) {
        return;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (address.sun_path[0] == '@') {
        address.sun_path[0] = '\0';  // an abstract socket
    }
    const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sender < 0) {
        log::warn("server", "the service manager cannot be told errno={}", errno);
        return;
    }
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    if (::sendto(sender, state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&address), length) < 0) {
        log::warn("server", "the service manager cannot be told errno={}", errno);
    }
    ::close(sender);
}

}  // namespace updraft::server
