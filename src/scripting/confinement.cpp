#include "scripting/confinement.hpp"

#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <initializer_list>
#include <memory>

namespace updraft::scripting {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UPDRAFT_SANITIZED 1
#endif
#endif
#if defined(UPDRAFT_SANITIZED)
constexpr bool sanitized = true;  // their shadow memory is terabytes, and they call what they like
#else
constexpr bool sanitized = false;
#endif

constexpr unsigned nobody = 65'534;

void limit(int resource, rlim_t most) {
    const rlimit both{most, most};
    (void)::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

rlim_t address_space_bytes() {
    std::ifstream file("/proc/self/statm");
    rlim_t pages = 0;
    file >> pages;
    return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

/// Root becomes nobody. Fails where there is no such right to give up; then there is none to lose.
void drop_user() {
    if (::geteuid() != 0) {
        return;
    }
    (void)::setgroups(0, nullptr);
    if (::setresgid(nobody, nobody, nobody) != 0 || ::setresuid(nobody, nobody, nobody) != 0) {
        return;
    }
}

void limit_resources(const Confinement& confinement) {
    const auto cpu = static_cast<rlim_t>(confinement.cpu_max.count());
    limit(RLIMIT_CPU, cpu);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    if (!sanitized) {
        const rlim_t space = address_space_bytes();
        limit(RLIMIT_AS, space + confinement.memory_bytes);
        limit(RLIMIT_DATA, space + confinement.memory_bytes);
    }
    constexpr rlim_t pipe_ends = sanitized ? 2 : 0;  // UBSan looks through one at types
    limit(RLIMIT_NOFILE, static_cast<rlim_t>(confinement.socket) + 1 + pipe_ends);
}

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

bool allow(const Filter& filter, std::initializer_list<int> calls) {
    for (const int call : calls) {
        if (::seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) != 0) {
            return false;
        }
    }
    return true;
}

/// Memory may be had, but none that can be executed.
bool allow_memory(const Filter& filter) {
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
        const scmp_arg_cmp not_executable{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
        if (::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &not_executable) != 0) {
            return false;
        }
    }
    return allow(filter, {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise)});
}

bool filter_calls(int socket) {
    const Filter filter(::seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release);
    if (!filter) {
        return false;
    }
    for (const int call : {SCMP_SYS(read), SCMP_SYS(write)}) {
        const scmp_arg_cmp on_socket{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(socket), 0};
        if (::seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call, 1, &on_socket) != 0) {
            return false;
        }
    }
    const bool complete = allow_memory(filter) &&
                          allow(filter, {SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(futex),
                                         SCMP_SYS(rt_sigreturn), SCMP_SYS(clock_gettime),
                                         SCMP_SYS(gettimeofday), SCMP_SYS(time)});
    if (!complete) {
        return false;
    }
    if (sanitized &&
        !allow(filter,
               {SCMP_SYS(sched_yield), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(sigaltstack),
                SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(clock_nanosleep),
                SCMP_SYS(nanosleep), SCMP_SYS(prctl), SCMP_SYS(open), SCMP_SYS(openat),
                SCMP_SYS(close), SCMP_SYS(getrlimit), SCMP_SYS(prlimit64), SCMP_SYS(readlink),
                SCMP_SYS(pipe2), SCMP_SYS(write)})) {
        return false;
    }
    return ::seccomp_load(filter.get()) == 0;
}

}  // namespace

void die_with_parent() {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

bool confine(const Confinement& confinement) {
    (void)::prctl(PR_SET_NAME, "updraft-script");
    (void)::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS);
    drop_user();
    die_with_parent();  // a change of user takes it back
    (void)::prctl(PR_SET_DUMPABLE, 0);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    limit_resources(confinement);
    return filter_calls(confinement.socket);
}

}  // namespace updraft::scripting
