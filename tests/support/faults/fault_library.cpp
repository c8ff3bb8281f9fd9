// A library that LD_PRELOAD puts between the server and the system: it kills the process at the
// n-th fsync, rename or write, makes such calls fail, and sets the wall clock. For tests only.
//
// FAULTS_CONTROL names a file with a `Control` block, mapped by this process and by the test, so
// that a fault can be set while the server runs; tests/integration/support/faults.py is the other
// side. Without the variable every call goes straight through.
//
// What goes through asks the kernel itself. To look for the next library's function would allocate,
// and an allocator of a sanitizer asks for the time in the middle of its work.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

enum Operation : std::uint32_t {
    op_fsync = 1,
    op_fdatasync = 2,
    op_rename = 4,
    op_write = 8,
    op_unlink = 16,
    op_truncate = 32,
    op_mkdir = 64,
};

enum Action : std::uint32_t { kill_before = 1, kill_after = 2, fail = 3 };

/// One fault; laid out as faults.py writes it. Matching calls are let through `skip` times, then
/// hit `times` times (-1: until the rule is taken back).
struct Rule {
    std::atomic<std::uint32_t> operations;  ///< mask of Operation; written last; 0: no rule
    std::uint32_t action;
    std::int32_t error;
    std::uint32_t unused;
    std::atomic<std::int64_t> skip;
    std::atomic<std::int64_t> times;
    std::atomic<std::int64_t> hits;  ///< counted here
    char path[88];  ///< a part of the file's path, its end with a final $; empty: any
};
static_assert(sizeof(Rule) == 128);

constexpr std::size_t rules_max = 7;
struct Control {
    std::atomic<std::int64_t> clock_ms;  ///< added to the wall clock
    std::int64_t unused[15];
    Rule rules[rules_max];
};
static_assert(sizeof(Control) == 1024);

Control* mapped_control() {
    const char* path = std::getenv("FAULTS_CONTROL");
    const int file = path != nullptr ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) {
        return nullptr;
    }
    void* at = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return at == MAP_FAILED ? nullptr : static_cast<Control*>(at);
}

/// Mapped before main(): a confined process opens nothing later.
Control* const control = mapped_control();

bool fits(std::string_view path, std::string_view wanted) {
    if (wanted.ends_with('$')) {
        wanted.remove_suffix(1);
        return path.ends_with(wanted);
    }
    return path.find(wanted) != std::string_view::npos;
}

std::string_view path_of(int descriptor, char* buffer, std::size_t size) {
    char link[48];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = ::readlink(link, buffer, size);
    return length > 0 ? std::string_view(buffer, static_cast<std::size_t>(length))
                      : std::string_view();
}

void die() {
    ::syscall(SYS_kill, ::getpid(), SIGKILL);
    for (;;) {
        ::pause();
    }
}

/// The rule that hits this call, if any. `path` is asked only when there is a rule for the
/// operation.
template <class Path>
const Rule* hit(Operation operation, const Path& path) {
    if (control == nullptr) {
        return nullptr;
    }
    for (Rule& rule : control->rules) {
        if ((rule.operations.load(std::memory_order_acquire) & operation) == 0) {
            continue;
        }
        const std::string_view wanted(rule.path, ::strnlen(rule.path, sizeof rule.path));
        char buffer[4096];
        if (!wanted.empty() && !fits(path(buffer, sizeof buffer), wanted)) {
            continue;
        }
        if (rule.skip.fetch_sub(1) > 0) {
            continue;
        }
        const std::int64_t left = rule.times.load();
        if (left == 0 || (left > 0 && rule.times.fetch_sub(1) <= 0)) {
            continue;
        }
        ++rule.hits;
        return &rule;
    }
    return nullptr;
}

/// Calls through, or does what the rule says. errno is what the call left.
template <class Path, class Call>
auto guarded(Operation operation, const Path& path, const Call& call) -> decltype(call()) {
    const int before = errno;
    const Rule* rule = hit(operation, path);
    errno = before;
    if (rule == nullptr) {
        return call();
    }
    if (rule->action == fail) {
        errno = rule->error;
        return -1;
    }
    if (rule->action == kill_after) {
        (void)call();
    }
    die();
    return -1;
}

template <class Call>
auto guarded(Operation operation, int descriptor, const Call& call) {
    return guarded(
        operation,
        [descriptor](char* buffer, std::size_t size) { return path_of(descriptor, buffer, size); },
        call);
}

template <class Call>
auto guarded(Operation operation, const char* name, const Call& call) {
    return guarded(operation, [name](char*, std::size_t) { return std::string_view(name); }, call);
}

int answer(long result) {
    return static_cast<int>(result);
}

}  // namespace

extern "C" {

int fsync(int file) {
    return guarded(op_fsync, file, [&] { return answer(::syscall(SYS_fsync, file)); });
}

int fdatasync(int file) {
    return guarded(op_fdatasync, file, [&] { return answer(::syscall(SYS_fdatasync, file)); });
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t offset) {
    return guarded(op_write, file,
                   [&] { return ssize_t{::syscall(SYS_pwrite64, file, bytes, size, offset)}; });
}

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset) {
    return pwrite(file, bytes, size, offset);
}

int ftruncate(int file, off_t size) noexcept {
    return guarded(op_truncate, file, [&] { return answer(::syscall(SYS_ftruncate, file, size)); });
}

int ftruncate64(int file, off64_t size) noexcept {
    return ftruncate(file, size);
}

int rename(const char* from, const char* to) noexcept {
    return guarded(op_rename, to, [&] {
        return answer(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
    });
}

int unlink(const char* path) noexcept {
    return guarded(op_unlink, path,
                   [&] { return answer(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); });
}

int mkdir(const char* path, mode_t mode) noexcept {
    return guarded(op_mkdir, path,
                   [&] { return answer(::syscall(SYS_mkdirat, AT_FDCWD, path, mode)); });
}

int clock_gettime(clockid_t clock, struct timespec* at) noexcept {
    const int result = answer(::syscall(SYS_clock_gettime, clock, at));
    if (control != nullptr && clock == CLOCK_REALTIME && result == 0) {
        const std::int64_t ms = control->clock_ms.load(std::memory_order_relaxed);
        at->tv_sec += ms / 1000;
        at->tv_nsec += ms % 1000 * 1'000'000;
        if (at->tv_nsec >= 1'000'000'000) {
            ++at->tv_sec;
            at->tv_nsec -= 1'000'000'000;
        } else if (at->tv_nsec < 0) {
            --at->tv_sec;
            at->tv_nsec += 1'000'000'000;
        }
    }
    return result;
}

int gettimeofday(struct timeval* at, void* /*zone*/) noexcept {
    timespec now{};
    const int result = clock_gettime(CLOCK_REALTIME, &now);
    *at = {now.tv_sec, now.tv_nsec / 1000};
    return result;
}

time_t time(time_t* at) noexcept {
    timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (at != nullptr) {
        *at = now.tv_sec;
    }
    return now.tv_sec;
}

}  // extern "C"
