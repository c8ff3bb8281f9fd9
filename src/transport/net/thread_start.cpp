#include "transport/net/thread_start.hpp"

#include <pthread.h>

#include <csignal>

namespace updraft::net {

void start_thread(const std::string& name) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace updraft::net
