#include "transport/net/turns.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <vector>

namespace updraft::net {
namespace {

/// What happened on a loop, in its order.
using Log = std::vector<std::string>;
using Pipe = std::array<int, 2>;

awaitable<void> download(asio::io_context& loop, Log& log) {
    co_await Turns::of(loop).next();
    log.emplace_back("piece");
}

/// Its piece makes a request come.
awaitable<void> first_download(asio::io_context& loop, Log& log, int pipe) {
    co_await Turns::of(loop).next();
    log.emplace_back("piece");
    EXPECT_EQ(::write(pipe, "x", 1), 1);
}

awaitable<void> request(asio::io_context& loop, Log& log, int pipe) {
    asio::posix::stream_descriptor descriptor(loop, pipe);
    const asio::use_awaitable_t<asio::io_context::executor_type> token;
    co_await descriptor.async_wait(asio::posix::descriptor_base::wait_read, token);
    log.emplace_back("request");
}

TEST(Turns, ARequestIsSeenBetweenTheDownloads) {
    asio::io_context loop{1};
    Pipe pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    Log log;
    asio::co_spawn(loop, request(loop, log, pipe[0]), asio::detached);
    asio::co_spawn(loop, first_download(loop, log, pipe[1]), asio::detached);
    constexpr int others = 20;
    for (int i = 0; i < others; ++i) {
        asio::co_spawn(loop, download(loop, log), asio::detached);
    }
    loop.run();
    ::close(pipe[1]);
    ASSERT_EQ(log.size(), others + 2U);
    EXPECT_LE(std::ranges::find(log, "request") - log.begin(), 2);
}

TEST(Turns, WhoWaitsWhenTheLoopEndsIsForgotten) {
    Log log;
    {
        asio::io_context loop{1};
        asio::co_spawn(loop, download(loop, log), asio::detached);
        asio::co_spawn(loop, download(loop, log), asio::detached);
        while (log.empty()) {
            loop.run_one();
        }
    }
    EXPECT_EQ(log.size(), 1U);
}

}  // namespace
}  // namespace updraft::net
