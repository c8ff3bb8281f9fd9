#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "tests/unit/transport/http/test_server.hpp"
#include "transport/net/byte_stream.hpp"
#include "transport/net/loop_signal.hpp"
#include "transport/net/worker_pool.hpp"

namespace updraft::net {

namespace {

using http::Client;
using http::Secure;
using std::chrono::milliseconds;

/// Runs `serve` for each connection; the stream lives as long as the coroutine.
using Serve = std::function<awaitable<void>(std::shared_ptr<ByteStream>)>;

std::unique_ptr<Listener> listen(EventLoops& loops, Serve serve,
                                 std::shared_ptr<SSL_CTX> tls = nullptr) {
    return std::make_unique<Listener>(
        loops, "127.0.0.1", std::uint16_t{0}, std::move(tls),
        [serve = std::move(serve)](std::unique_ptr<ByteStream> stream) {
            const std::shared_ptr<ByteStream> shared = std::move(stream);
            spawn(shared->loop(), "test connection", serve(shared));
        });
}

awaitable<void> echo(std::shared_ptr<ByteStream> stream) {
    std::string bytes(1000, '\0');
    const IoResult shaken = co_await stream->handshake(milliseconds(5000));
    EXPECT_EQ(shaken.status, IoStatus::ok);
    for (;;) {
        const IoResult got = co_await stream->read_some(bytes, milliseconds(5000));
        if (got.status != IoStatus::ok) {
            co_return;
        }
        const std::string_view part(bytes.data(), got.bytes);
        co_await stream->write_all(part, milliseconds(5000));
    }
}

/// For each byte that comes, a head and some of a file from offset 3.
awaitable<void> send_of_file(std::shared_ptr<ByteStream> stream, int file, std::int64_t length) {
    std::string byte(1, '\0');
    (void)co_await stream->handshake(milliseconds(5000));
    for (;;) {
        const IoResult asked = co_await stream->read_some(byte, milliseconds(5000));
        if (asked.status != IoStatus::ok) {
            co_return;
        }
        co_await stream->write_head("head", milliseconds(5000));
        const IoResult sent = co_await stream->send_file(file, 3, length, milliseconds(5000));
        EXPECT_EQ(sent.status, IoStatus::ok);
        EXPECT_EQ(sent.bytes, static_cast<std::size_t>(length));
    }
}

std::promise<IoStatus> read_ended;
awaitable<void> read_for_a_moment(std::shared_ptr<ByteStream> stream) {
    std::string bytes(10, '\0');
    const IoResult got = co_await stream->read_some(bytes, milliseconds(30));
    read_ended.set_value(got.status);
}

/// One coroutine reads without a deadline while the other's write runs into its own.
struct Duplex {
    std::promise<IoStatus> wrote;
    std::promise<IoStatus> read;
};
awaitable<void> read_for_ever(std::shared_ptr<ByteStream> stream, std::shared_ptr<Duplex> duplex) {
    std::string bytes(10, '\0');
    const IoResult got = co_await stream->read_some(bytes, milliseconds(0));
    duplex->read.set_value(got.status);
}
awaitable<void> write_too_much(std::shared_ptr<ByteStream> stream, std::shared_ptr<Duplex> duplex) {
    const std::string bytes(64U << 20U, 'a');
    const IoResult wrote = co_await stream->write_all(bytes, milliseconds(30));
    duplex->wrote.set_value(wrote.status);
}

std::promise<std::size_t> taken;
awaitable<void> write_to_nobody(std::shared_ptr<ByteStream> stream) {
    const std::string bytes(16U << 20U, 'a');
    stream->limit_unsent(65'536);
    const IoResult wrote = co_await stream->write_all(bytes, milliseconds(30));
    taken.set_value(wrote.bytes);
}

}  // namespace

class Streams : public testing::TestWithParam<Secure> {};

TEST_P(Streams, Echo) {
    http::TemporaryFolder folder;
    EventLoops loops(2);
    const auto tls = GetParam() == Secure::yes ? http::self_signed_context(folder) : nullptr;
    const auto listener = listen(loops, echo, tls);
    EXPECT_EQ(listener->address(), fmt::format("127.0.0.1:{}", listener->port()));
    Client client(listener->port(), GetParam());
    for (int i = 0; i < 10; ++i) {
        const std::string text = std::string(3000, 'a') + std::to_string(i);
        client.send(text);
        EXPECT_EQ(client.take(text.size()), text);
    }
}

// More than the socket takes at once, so that the sender stops and goes on within a record, and
// ends that are no record's.
TEST_P(Streams, AFileComesWholeAndInOrder) {
    http::TemporaryFolder folder;
    std::string content(20'000'003, '\0');
    std::uint32_t number = 1;
    for (char& byte : content) {
        number = number * 1'664'525 + 1'013'904'223;
        byte = static_cast<char>(number >> 24U);
    }
    const int file = ::open(folder.write("file", content).c_str(), O_RDONLY | O_CLOEXEC);
    for (const std::int64_t length : {1, 65'537, 20'000'000}) {
        EventLoops loops(1);
        const auto tls = GetParam() == Secure::yes ? http::self_signed_context(folder) : nullptr;
        const auto listener = listen(
            loops,
            [file, length](std::shared_ptr<ByteStream> stream) {
                return send_of_file(std::move(stream), file, length);
            },
            tls);
        Client client(listener->port(), GetParam());
        const auto bytes = static_cast<std::size_t>(length);
        for (int i = 0; i < 2; ++i) {
            client.send("x");
            EXPECT_EQ(client.take(4), "head");
            EXPECT_TRUE(client.take(bytes) == std::string_view(content).substr(3, bytes)) << length;
        }
        client.close();
    }
    ::close(file);
}

INSTANTIATE_TEST_SUITE_P(PlainAndTls, Streams, testing::Values(Secure::no, Secure::yes),
                         [](const auto& info) {
                             return info.param == Secure::yes ? "Tls" : "Plain";
                         });

TEST(StreamDeadline, EndsAReadThatWaits) {
    read_ended = {};
    EventLoops loops(1);
    const auto listener = listen(loops, read_for_a_moment);
    Client client(listener->port());
    EXPECT_EQ(read_ended.get_future().get(), IoStatus::timed_out);
}

// Slow readers by the thousand would fill the memory that the kernel has for all connections.
TEST(StreamLimit, KeepsWhatAPeerDoesNotReadOutOfTheKernel) {
    taken = {};
    EventLoops loops(1);
    const auto listener = listen(loops, write_to_nobody);
    Client client(listener->port());
    EXPECT_LT(taken.get_future().get(), 512U << 10U);
}

// Both directions share one socket, whose operations can only be cancelled together.
TEST(StreamDeadline, OfAWriteDoesNotEndTheRead) {
    EventLoops loops(1);
    const auto duplex = std::make_shared<Duplex>();
    const auto listener = std::make_unique<Listener>(
        loops, "127.0.0.1", std::uint16_t{0}, nullptr, [&](std::unique_ptr<ByteStream> stream) {
            const std::shared_ptr<ByteStream> shared = std::move(stream);
            spawn(shared->loop(), "reader", read_for_ever(shared, duplex));
            spawn(shared->loop(), "writer", write_too_much(shared, duplex));
        });
    Client client(listener->port());
    EXPECT_EQ(duplex->wrote.get_future().get(), IoStatus::timed_out);
    client.send("x");
    EXPECT_EQ(duplex->read.get_future().get(), IoStatus::ok);
}

TEST(Listener, NamesTheAddressThatItCannotBind) {
    EventLoops loops(1);
    const auto first = listen(loops, echo);
    try {
        const Listener second(loops, "127.0.0.1", first->port(), nullptr, nullptr);
        FAIL() << "bound twice";
    } catch (const std::system_error& error) {
        EXPECT_NE(std::string(error.what()).find(std::to_string(first->port())), std::string::npos);
    }
}

TEST(TlsContext, NamesTheFileThatItCannotUse) {
    EXPECT_THROW((void)make_tls_context({"/nowhere/cert.pem", "/nowhere/key.pem"}),
                 std::runtime_error);
}

TEST(WorkerPool, RefusesWhenTheQueueIsFull) {
    std::promise<void> started;
    std::promise<void> release;
    WorkerPool pool("test", 1, 2);
    ASSERT_TRUE(pool.post([&] {
        started.set_value();
        release.get_future().wait();
    }));
    started.get_future().wait();
    EXPECT_TRUE(pool.post([] {}));
    EXPECT_TRUE(pool.post([] {}));
    EXPECT_FALSE(pool.post([] {}));
    EXPECT_EQ(pool.queued(), 2U);
    release.set_value();
}

TEST(WorkerPool, StopFinishesWhatIsQueued) {
    std::atomic<int> done = 0;
    WorkerPool pool("test", 2, 100);
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(pool.post([&] { ++done; }));
    }
    pool.stop();
    EXPECT_EQ(done, 50);
    EXPECT_FALSE(pool.post([] {}));
}

namespace {

struct RunSeen {
    bool ran = false;
    bool on_own_loop = false;
    std::string thrown;
    std::promise<void> ended;
};

awaitable<void> run_on(WorkerPool& pool, std::shared_ptr<RunSeen> seen, bool failing) {
    const std::thread::id home = std::this_thread::get_id();
    std::thread::id worker;
    std::function<void()> work = [&worker, failing] {
        worker = std::this_thread::get_id();
        if (failing) {
            throw std::runtime_error("no luck");
        }
    };
    try {
        seen->ran = co_await pool.run(std::move(work));
    } catch (const std::runtime_error& error) {
        seen->thrown = error.what();
    }
    seen->on_own_loop = std::this_thread::get_id() == home && worker != home;
    seen->ended.set_value();
}

}  // namespace

TEST(WorkerPool, RunComesBackToItsLoopWithResultOrException) {
    EventLoops loops(1);
    WorkerPool pool("test", 1, 10);
    for (const bool failing : {false, true}) {
        const auto seen = std::make_shared<RunSeen>();
        spawn(loops.at(0), "run", run_on(pool, seen, failing));
        seen->ended.get_future().wait();
        EXPECT_TRUE(seen->on_own_loop);
        EXPECT_EQ(seen->ran, !failing);
        EXPECT_EQ(seen->thrown, failing ? "no luck" : "");
    }
}

}  // namespace updraft::net
