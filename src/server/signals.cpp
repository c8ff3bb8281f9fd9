#include "server/signals.hpp"

#include <csignal>
#include <ctime>

namespace updraft::server {
namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

bool wait_at_most(std::chrono::milliseconds time) {
    const sigset_t set = stop_signals();
    timespec limit{};
    limit.tv_sec = static_cast<time_t>(time.count() / 1000);
    limit.tv_nsec = static_cast<long>(time.count() % 1000) * 1'000'000;
    return ::sigtimedwait(&set, nullptr, &limit) > 0;
}

}  // namespace

StopSignal::StopSignal() {
    const sigset_t set = stop_signals();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void StopSignal::wait(std::chrono::milliseconds interval, const std::function<void()>& tick) {
    while (!came_) {
        came_ = wait_at_most(interval);
        if (!came_ && tick) {
            tick();
        }
    }
}

bool StopSignal::came() {
    came_ = came_ || wait_at_most(std::chrono::milliseconds{0});
    return came_;
}

ReloadSignal::ReloadSignal() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool ReloadSignal::came() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    const timespec at_once{};
    return ::sigtimedwait(&set, nullptr, &at_once) > 0;
}

}  // namespace updraft::server
