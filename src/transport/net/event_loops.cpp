#include "transport/net/event_loops.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "transport/net/thread_start.hpp"

namespace updraft::net {

namespace {

std::atomic<std::uint64_t> failed_tasks{0};

/// An exception that leaves a posted function must not end the thread that serves thousands of
/// peers.
void run_loop(asio::io_context& loop) {
    for (;;) {
        try {
            loop.run();
            return;
        } catch (const std::exception& error) {
            ++failed_tasks;
            log::error("net", "event loop caught an exception what={}", error.what());
        }
    }
}

}  // namespace

EventLoops::EventLoops(std::size_t count) {
    const std::size_t threads = count == 0 ? 1 : count;
    for (std::size_t i = 0; i < threads; ++i) {
        loops_.push_back(std::make_unique<asio::io_context>(1));
        work_.push_back(asio::make_work_guard(*loops_.back()));
    }
    for (std::size_t i = 0; i < threads; ++i) {
        threads_.emplace_back([&loop = *loops_[i], i] {
            start_thread(fmt::format("loop-{}", i));
            run_loop(loop);
        });
    }
}

EventLoops::~EventLoops() {
    stop();
}

asio::io_context& EventLoops::next() {
    return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

void EventLoops::stop() {
    for (const auto& loop : loops_) {
        loop->stop();
    }
    for (std::thread& thread : threads_) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

void spawn(asio::io_context& loop, std::string name, awaitable<void> task) {
    const auto ended = [name = std::move(name)](std::exception_ptr failure) {
        if (!failure) {
            return;
        }
        ++failed_tasks;
        try {
            std::rethrow_exception(failure);
        } catch (const std::exception& error) {
            log::error("net", "task failed task={} what={}", name, error.what());
        } catch (...) {
            log::error("net", "task failed task={} what=unknown", name);
        }
    };
    asio::co_spawn(loop, std::move(task), ended);
}

std::uint64_t tasks_failed() {
    return failed_tasks.load(std::memory_order_relaxed);
}

}  // namespace updraft::net
