#include <future>
#include <mutex>

#include "tests/unit/transport/http/test_server.hpp"

namespace updraft::http {

namespace {

std::string masked(int first_byte, std::string_view payload) {
    std::string frame;
    frame += static_cast<char>(first_byte);
    if (payload.size() < 126) {
        frame += static_cast<char>(0x80U | payload.size());
    } else {
        frame += '\xFE';
        frame += static_cast<char>(payload.size() >> 8U);
        frame += static_cast<char>(payload.size() & 0xFFU);
    }
    return frame.append(4, '\0').append(payload);
}

const char* const handshake =
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Sends back what it gets; "close" closes, "throw" fails, "flood" sends until refused.
class Echo final : public WebSocketHandler {
public:
    Echo(std::shared_ptr<WebSocketSender> sender, std::promise<void>* closed)
        : sender_(std::move(sender)), closed_(closed) {}
    void on_text(std::string text) override {
        if (text == "close") {
            sender_->send("bye");
            sender_->close();
        } else if (text == "throw") {
            throw std::runtime_error("broken");
        } else if (text == "flood") {
            while (sender_->send(std::string(100000, 'a'))) {
            }
        } else {
            sender_->send("echo " + text);
        }
    }
    void on_close() override { closed_->set_value(); }

private:
    std::shared_ptr<WebSocketSender> sender_;
    std::promise<void>* closed_;
};

class ServerWebSocket : public testing::Test {
protected:
    void SetUp() override {
        test.router.add_websocket(
            "/ws",
            [this](const Request& request, std::shared_ptr<WebSocketSender> sender)
                -> std::variant<std::shared_ptr<WebSocketHandler>, Response> {
                if (request.query_value("refuse")) {
                    return Response{403, {}, std::string("no")};
                }
                return std::make_shared<Echo>(std::move(sender), &closed);
            });
        test.options.websocket_message_bytes_max = 1000;
        test.start();
    }

    std::promise<void> closed;
    TestServer test;
};

}  // namespace

TEST(ServerUpload, StreamsALargeBodyThroughBoundedMemory) {
    std::atomic<std::size_t> largest = 0;
    TestServer test;
    test.router.add(Method::post, "/upload",
                    [&](const Request& request) {
                        std::size_t total = 0;
                        std::uint32_t sum = 0;
                        for (std::string chunk = request.stream->read(); !chunk.empty();
                             chunk = request.stream->read()) {
                            total += chunk.size();
                            largest = std::max<std::size_t>(largest, chunk.size());
                            for (const char c : chunk) {
                                sum = sum * 31 + static_cast<unsigned char>(c);
                            }
                        }
                        return text_response(fmt::format("{} {} {}", total, sum,
                                                         request.stream->length().value_or(-1)));
                    },
                    {.streaming_body = true});
    test.start();
    std::string body(5 * 1024 * 1024 + 3, '\0');
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < body.size(); ++i) {
        body[i] = static_cast<char>(i * 7 + (i >> 9U));
        sum = sum * 31 + static_cast<unsigned char>(body[i]);
    }
    Client client(test.port);
    client.send(
        fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.size()));
    client.send(body);
    EXPECT_EQ(read_answer(client).body, fmt::format("{} {} {}", body.size(), sum, body.size()));
    EXPECT_LE(largest, 256U * 1024);
    // The same connection again, chunked.
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(fmt::format("{:x}\r\n", body.size()));
    client.send(body);
    client.send("\r\n0\r\n\r\n");
    EXPECT_EQ(read_answer(client).body, fmt::format("{} {} -1", body.size(), sum));
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(read_answer(client).body, "0 0 0");
}

// The handler is behind: the socket must not be read, so the client cannot send without end.
TEST(ServerUpload, ASlowHandlerStopsTheClient) {
    std::promise<void> release;
    std::promise<void> started;
    TestServer test;
    test.router.add(Method::post, "/upload",
                    [&](const Request& request) {
                        std::size_t total = request.stream->read().size();
                        started.set_value();
                        release.get_future().wait();
                        for (std::string chunk = request.stream->read(); !chunk.empty();
                             chunk = request.stream->read()) {
                            total += chunk.size();
                        }
                        return text_response(std::to_string(total));
                    },
                    {.streaming_body = true});
    test.start();
    constexpr std::size_t size = 64U << 20U;
    Client client(test.port);
    std::atomic<std::size_t> sent = 0;
    std::thread sender([&] {
        client.send(
            fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", size));
        const std::string piece(1U << 20U, 'a');
        for (std::size_t i = 0; i < size; i += piece.size()) {
            client.send(piece);
            sent += piece.size();
        }
    });
    started.get_future().wait();
    std::size_t before = 1;
    for (int same = 0; same < 2000;) {  // until nothing has moved for a while
        same = sent == before ? same + 1 : 0;
        before = sent;
        std::this_thread::yield();
    }
    EXPECT_LT(sent, size);
    release.set_value();
    sender.join();
    EXPECT_EQ(read_answer(client).body, std::to_string(size));
}

TEST(ServerUpload, ACutBodyReachesTheHandler) {
    std::promise<bool> cut;
    TestServer test;
    test.router.add(Method::post, "/upload",
                    [&](const Request& request) {
                        try {
                            while (!request.stream->read().empty()) {
                            }
                            cut.set_value(false);
                        } catch (const BodyCut&) {
                            cut.set_value(true);
                            throw;
                        }
                        return text_response("ok");
                    },
                    {.streaming_body = true});
    test.start();
    Client client(test.port);
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    client.close();
    EXPECT_TRUE(cut.get_future().get());
}

TEST(ServerUpload, ARefusalReachesAClientThatIsStillSending) {
    TestServer test;
    test.router.add(Method::post, "/upload",
                    [](const Request&) { return Response{401, {}, std::string("who")}; },
                    {.streaming_body = true});
    test.start();
    Client client(test.port);
    client.send("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n");
    client.send(std::string(600000, 'a'));
    const Received answer = read_answer(client);
    EXPECT_EQ(answer.status, 401);
    // With Expect the body never has to be sent.
    Client polite(test.port);
    polite.send(
        "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\nExpect: "
        "100-continue\r\n\r\n");
    EXPECT_EQ(read_answer(polite).status, 401);
}

TEST(ServerUpload, LimitsAndMalformedChunksAreAnswered) {
    TestServer test;
    test.router.add(Method::post, "/upload",
                    [](const Request& request) {
                        while (!request.stream->read().empty()) {
                        }
                        return text_response("ok");
                    },
                    {.streaming_body = true, .body_bytes_max = 10});
    test.start();
    EXPECT_EQ(test.ask("POST", "/upload", "Content-Length: 11\r\n", "0123456789a").status, 413);
    EXPECT_EQ(test.ask("POST", "/upload", "Transfer-Encoding: chunked\r\n",
                       "b\r\n0123456789a\r\n0\r\n\r\n")
                  .status,
              413);
    EXPECT_EQ(test.ask("POST", "/upload", "Transfer-Encoding: chunked\r\n", "zz\r\n").status, 400);
    EXPECT_EQ(test.ask("POST", "/upload", "Content-Length: 10\r\n", "0123456789").status, 200);
}

TEST(ServerStream, SendsChunksAndGzip) {
    TestServer test;
    test.router.add(Method::get, "/csv", [](const Request&) {
        return Response{200, {{"Content-Type", "text/csv"}}, [](BodyWriter& out) {
                            for (int i = 0; i < 20000; ++i) {
                                if (!out.write(fmt::format("{},line with some text in it\n", i))) {
                                    return;
                                }
                            }
                        }};
    });
    test.start();
    const Received plain = test.get("/csv");
    EXPECT_EQ(plain.header("Transfer-Encoding"), "chunked");
    EXPECT_TRUE(plain.complete);
    EXPECT_TRUE(plain.body.ends_with("19999,line with some text in it\n"));
    const Received packed = test.get("/csv", "Accept-Encoding: gzip\r\n");
    EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
    EXPECT_LT(packed.body.size(), plain.body.size() / 4);
    Client old(test.port);
    old.send("GET /csv HTTP/1.0\r\n\r\n");
    EXPECT_EQ(read_answer(old).body, plain.body);
}

// The client must be able to tell a broken answer from a complete one.
TEST(ServerStream, ABrokenProducerLeavesTheAnswerOpen) {
    TestServer test;
    test.router.add(Method::get, "/csv", [](const Request&) {
        return Response{200, {}, [](BodyWriter& out) {
                            (void)out.write("half");
                            throw std::runtime_error("broken");
                        }};
    });
    test.start();
    EXPECT_FALSE(test.get("/csv").complete);
}

TEST(ServerStream, TellsTheProducerThatTheClientHasGone) {
    std::promise<void> told;
    TestServer test;
    test.router.add(Method::get, "/endless", [&](const Request&) {
        return Response{200, {}, [&](BodyWriter& out) {
                            while (out.write(std::string(10000, 'a'))) {
                            }
                            told.set_value();
                        }};
    });
    test.start();
    Client client(test.port);
    client.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n");
    client.take(100000);
    client.close();
    told.get_future().wait();
}

TEST(ServerEvents, DeliversFromAnyThreadUntilTheClientLeaves) {
    std::promise<EventStream::Send> attached;
    std::promise<void> released;
    TestServer test;
    test.router.add(Method::get, "/events", [&](const Request&) {
        EventStream stream{[&](EventStream::Send send) -> std::shared_ptr<void> {
            attached.set_value(std::move(send));
            return {reinterpret_cast<void*>(1), [&](void*) { released.set_value(); }};
        }};
        return Response{200, {}, std::move(stream)};
    });
    test.start();
    Client client(test.port);
    client.send("GET /events HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    const Received head = read_answer(client, Expect::no_body);
    EXPECT_EQ(head.status, 200);
    EXPECT_TRUE(head.header("Content-Type").starts_with("text/event-stream"));
    EXPECT_EQ(head.header("Content-Encoding"), "");
    const EventStream::Send send = attached.get_future().get();
    EXPECT_TRUE(send("progress", "{\"a\":1}"));
    EXPECT_EQ(client.take_until("\n\n\r\n"), "1f\r\nevent: progress\ndata: {\"a\":1}\n\n\r\n");
    EXPECT_TRUE(send("", "two\nlines"));
    EXPECT_EQ(client.take_until("\n\n\r\n"), "17\r\ndata: two\ndata: lines\n\n\r\n");
    client.close();
    released.get_future().wait();
    EXPECT_FALSE(send("late", "x"));
}

// A client that does not read is given up, so that it reconnects and catches up.
TEST(ServerEvents, AFullQueueEndsTheStream) {
    std::promise<EventStream::Send> attached;
    std::promise<void> released;
    TestServer test;
    test.options.event_queue_max = 4;
    test.router.add(Method::get, "/events", [&](const Request&) {
        EventStream stream{[&](EventStream::Send send) -> std::shared_ptr<void> {
            attached.set_value(std::move(send));
            return {reinterpret_cast<void*>(1), [&](void*) { released.set_value(); }};
        }};
        return Response{200, {}, std::move(stream)};
    });
    test.start();
    Client client(test.port);
    client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    const EventStream::Send send = attached.get_future().get();
    while (send("e", std::string(500000, 'a'))) {
    }
    released.get_future().wait();
    EXPECT_FALSE(send("e", "x"));
}

TEST(ServerEvents, StopEndsThem) {
    TestServer test;
    test.router.add(Method::get, "/events", [&](const Request&) {
        return Response{200, {}, EventStream{[](const EventStream::Send&) { return nullptr; }}};
    });
    test.start();
    Client client(test.port);
    client.send("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(client, Expect::no_body).status, 200);
    test.server->stop(std::chrono::seconds(10));
    EXPECT_EQ(client.take_until("nothing"), "0\r\n\r\n");
}

TEST_F(ServerWebSocket, EchoesWholeAndFragmentedMessages) {
    Client client(test.port);
    client.send(handshake);
    const Received head = read_answer(client, Expect::no_body);
    EXPECT_EQ(head.status, 101);
    EXPECT_EQ(head.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    client.send(masked(0x81, "hi"));
    EXPECT_EQ(client.take(9),
              "\x81\x07"
              "echo hi");
    client.send(masked(0x01, "a") + masked(0x89, "p") + masked(0x80, "b"));
    EXPECT_EQ(client.take(12),
              "\x8a\x01p\x81\x07"
              "echo ab");
    client.send(masked(0x88, "\x03\xe8"));
    EXPECT_EQ(client.take(4), "\x88\x02\x03\xe8");
    EXPECT_TRUE(client.ends());
    closed.get_future().wait();
}

// Frames may come in the same packet as the handshake.
TEST_F(ServerWebSocket, TakesFramesSentWithTheHandshake) {
    Client client(test.port);
    client.send(handshake + masked(0x81, "hi"));
    read_answer(client, Expect::no_body);
    EXPECT_EQ(client.take(9),
              "\x81\x07"
              "echo hi");
    client.close();
    closed.get_future().wait();
}

TEST_F(ServerWebSocket, ClosesAfterWhatIsQueued) {
    Client client(test.port);
    client.send(handshake);
    read_answer(client, Expect::no_body);
    client.send(masked(0x81, "close"));
    EXPECT_EQ(client.take(9),
              "\x81\x03"
              "bye\x88\x02\x03\xe8");
    client.send(masked(0x88, "\x03\xe8"));
    EXPECT_TRUE(client.ends());
    closed.get_future().wait();
}

TEST_F(ServerWebSocket, RefusesWithTheRightCode) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {masked(0x81, "\xff"), "\x88\x02\x03\xef"},
        {masked(0x81, std::string(1001, 'a')), "\x88\x02\x03\xf1"},
        {masked(0x82, "x"), "\x88\x02\x03\xeb"},
        {"\x81\x02hi", "\x88\x02\x03\xea"},
        {masked(0x81, "throw"), "\x88\x02\x03\xf3"},
    };
    for (const auto& [sent, expected] : cases) {
        closed = {};
        Client client(test.port);
        client.send(handshake);
        read_answer(client, Expect::no_body);
        client.send(sent);
        EXPECT_EQ(client.take(4), expected);
        client.close();
        closed.get_future().wait();
    }
}

TEST_F(ServerWebSocket, ASlowPeerIsGivenUp) {
    Client client(test.port);
    client.send(handshake);
    read_answer(client, Expect::no_body);
    client.send(masked(0x81, "flood"));
    closed.get_future().wait();
}

TEST_F(ServerWebSocket, TheOpenerMayRefuse) {
    Client client(test.port);
    std::string refused = handshake;
    client.send(refused.replace(4, 3, "/ws?refuse=1"));
    EXPECT_EQ(read_answer(client).status, 403);
    EXPECT_EQ(test.get("/ws").status, 400);
}

TEST_F(ServerWebSocket, StopSaysGoingAway) {
    Client client(test.port);
    client.send(handshake);
    read_answer(client, Expect::no_body);
    std::thread stopper([&] { test.server->stop(std::chrono::seconds(10)); });
    EXPECT_EQ(client.take(4), "\x88\x02\x03\xe9");
    client.close();
    stopper.join();
    closed.get_future().wait();
}

}  // namespace updraft::http
