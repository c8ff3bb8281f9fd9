#include "scripting/confinement.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>

namespace updraft::scripting {
namespace {

// A sanitizer's runtime needs terabytes of addresses, opens files and writes to standard error;
// there the confinement leaves it that (confinement.cpp), and only there.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UPDRAFT_NOT_UNDER_SANITIZERS() \
    GTEST_SKIP() << "the sanitizer itself needs what is refused here"
#endif
#endif
#if !defined(UPDRAFT_NOT_UNDER_SANITIZERS)
#define UPDRAFT_NOT_UNDER_SANITIZERS() static_cast<void>(0)
#endif

/// How a confined process ends that does this: its signal, or minus its exit status.
int end_of(const std::function<int()>& what) {
    const pid_t child = ::fork();
    if (child == 0) {
        if (::dup2(::open("/dev/null", O_RDWR), 3) != 3 ||
            !confine({3, std::size_t{64} * 1024 * 1024, std::chrono::seconds(1)})) {
            ::_exit(100);
        }
        ::_exit(what());
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

TEST(Confinement, LeavesTheSocketAndMemory) {
    EXPECT_EQ(end_of([] {
                  char byte = 0;
                  void* block = std::malloc(std::size_t{8} * 1024 * 1024);
                  const bool good =
                      block != nullptr && ::write(3, &byte, 1) == 1 && ::read(3, &byte, 1) == 0;
                  std::free(block);
                  return good ? 7 : 8;
              }),
              -7);
}

TEST(Confinement, EndsWhoeverReachesOut) {
    EXPECT_EQ(end_of([] { return ::socket(AF_INET, SOCK_STREAM, 0); }), SIGSYS);
    EXPECT_EQ(end_of([] { return static_cast<int>(::fork()); }), SIGSYS);
    EXPECT_EQ(end_of([] { return ::execl("/bin/true", "true", nullptr); }), SIGSYS);
    EXPECT_EQ(end_of([] { return ::kill(::getppid(), SIGTERM); }), SIGSYS);
    EXPECT_EQ(end_of([] { return ::unlink("/tmp/none"); }), SIGSYS);
}

TEST(Confinement, HasNoFileButTheSocket) {
    UPDRAFT_NOT_UNDER_SANITIZERS();
    EXPECT_EQ(end_of([] { return ::open("/etc/passwd", O_RDONLY); }), SIGSYS);
    EXPECT_EQ(end_of([] { return static_cast<int>(::write(1, "x", 1)); }), SIGSYS);
}

TEST(Confinement, HasNoMemoryThatCanBeExecuted) {
    EXPECT_EQ(end_of([] {
                  return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
              }),
              SIGSYS);
}

TEST(Confinement, BoundsMemory) {
    UPDRAFT_NOT_UNDER_SANITIZERS();
    const auto map = [](std::size_t bytes) {
        return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED;
    };
    EXPECT_EQ(
        end_of([&] { return map(std::size_t{1} << 20) && !map(std::size_t{1} << 30) ? 7 : 8; }),
        -7);
}

TEST(Confinement, BoundsCpuTime) {
    EXPECT_EQ(end_of([] {
                  for (volatile unsigned i = 0;; i = i + 1) {
                  }
                  return 0;
              }),
              SIGKILL);
}

}  // namespace
}  // namespace updraft::scripting
