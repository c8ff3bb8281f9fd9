#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace updraft::net {

namespace asio = boost::asio;
template <class T>
using awaitable = asio::awaitable<T, asio::io_context::executor_type>;

/// The event loops: each is one io_context that one thread runs, and a connection lives on one loop
/// for its whole life. So a session needs no lock and no strand; whoever is elsewhere posts to its
/// loop.
class EventLoops {
public:
    /// Starts `count` threads (at least 1).
    explicit EventLoops(std::size_t count);
    /// Stops and joins.
    ~EventLoops();
    EventLoops(const EventLoops&) = delete;
    EventLoops& operator=(const EventLoops&) = delete;

    /// The loop for the next connection: round robin. Safe from every thread.
    [[nodiscard]] asio::io_context& next();
    [[nodiscard]] asio::io_context& at(std::size_t index) { return *loops_[index]; }
    [[nodiscard]] std::size_t size() const { return loops_.size(); }
    void stop();

private:
    using Work = asio::executor_work_guard<asio::io_context::executor_type>;
    std::vector<std::unique_ptr<asio::io_context>> loops_;
    std::vector<Work> work_;
    std::vector<std::thread> threads_;
    std::atomic<std::size_t> next_{0};
};

/// Starts a coroutine on `loop` under a name; an exception that leaves it is logged with that name
/// and counted, never lost.
void spawn(asio::io_context& loop, std::string name, awaitable<void> task);

/// How many spawned tasks an exception has ended since the start. Safe from every thread.
[[nodiscard]] std::uint64_t tasks_failed();

}  // namespace updraft::net
