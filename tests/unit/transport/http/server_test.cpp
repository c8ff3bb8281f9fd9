#include "transport/http/server.hpp"

#include <zlib.h>

#include <future>

#include "tests/unit/transport/http/test_server.hpp"

namespace updraft::http {

namespace {

constexpr std::int64_t modified = 784111777;

std::string pattern_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<char>((i * 2654435761U) >> 13U);
    }
    return bytes;
}

std::string unzipped(std::string_view packed) {
    z_stream stream{};
    inflateInit2(&stream, 15 + 16);
    std::string out(1 << 22, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

/// Waits until it is so; false if that takes too long.
template <class Fact>
bool waited_until(const Fact& fact) {
    const auto latest = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!fact() && std::chrono::steady_clock::now() < latest) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return fact();
}

/// Routes that most tests need: /echo, /file, /boom.
void add_routes(TestServer& test, std::string file = "", std::int64_t size = 0) {
    test.router.add(Method::post, "/echo",
                    [](const Request& request) { return text_response(request.body); });
    test.router.add(Method::get, "/echo", [](const Request& request) {
        return text_response("path " + request.path + " q " +
                             request.query_value("q").value_or("-"));
    });
    test.router.add(Method::get, "/boom",
                    [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
    test.router.add(Method::get, "/file", [file = std::move(file), size](const Request&) {
        return Response{200,
                        {{"Content-Type", "application/octet-stream"}, {"file-md5", "m"}},
                        FileBody{file, size, "tag", modified * 1000}};
    });
}

}  // namespace

TEST(Server, AnswersWithAndWithoutPrefixAndSlash) {
    TestServer test;
    add_routes(test);
    test.start();
    for (const std::string_view target :
         {"/echo?q=1", "/api/echo?q=1", "/echo/?q=1", "/api/echo/?q=1"}) {
        const Received answer = test.get(target);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "path /echo q 1");
        EXPECT_FALSE(answer.header("Date").empty());
    }
}

TEST(Server, RefusesUnknownPathsAndMethodsThroughRefuse) {
    TestServer test;
    add_routes(test);
    test.start();
    EXPECT_EQ(test.get("/nowhere").status, 404);
    const Received wrong = test.ask("DELETE", "/echo", "Accept-Language: en\r\n");
    EXPECT_EQ(wrong.status, 406);
    EXPECT_EQ(wrong.body, "this path does not have that method");
    EXPECT_EQ(wrong.header("Allow"), "POST, GET");
    EXPECT_EQ(test.ask("PROPFIND", "/echo").status, 406);
    EXPECT_EQ(test.get("/%zz").status, 400);
}

TEST(Server, AFailingHandlerIsA500WithoutItsReason) {
    TestServer test;
    add_routes(test);
    test.start();
    const Received answer = test.get("/boom");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("secret"), std::string::npos);
}

TEST(Server, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
    TestServer test;
    add_routes(test);
    test.start();
    Client client(test.port);
    std::string requests;
    for (int i = 0; i < 50; ++i) {
        requests += fmt::format("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{}",
                                std::to_string(i).size(), i);
    }
    client.send(requests);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(read_answer(client).body, std::to_string(i));
    }
    EXPECT_EQ(test.server->counters().connections_total, 1U);
    EXPECT_EQ(test.server->counters().requests_total, 50U);
}

// A refusal whose body has already arrived costs no connection.
TEST(Server, ARefusedRequestWithItsBodyKeepsTheConnection) {
    TestServer test;
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send(
        "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
        "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(client).status, 404);
    EXPECT_EQ(read_answer(client).status, 200);
}

TEST(Server, SpeaksHttp10) {
    TestServer test;
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send("GET /echo HTTP/1.0\r\n\r\n");
    const Received answer = read_answer(client);
    EXPECT_EQ(answer.body, "path /echo q -");
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_TRUE(client.ends());
    Client kept(test.port);
    kept.send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(read_answer(kept).header("Connection"), "keep-alive");
    kept.send("GET /echo HTTP/1.0\r\n\r\n");
    EXPECT_EQ(read_answer(kept).status, 200);
}

TEST(Server, ReadsChunkedBodies) {
    TestServer test;
    add_routes(test);
    test.start();
    EXPECT_EQ(test.ask("POST", "/echo", "Transfer-Encoding: chunked\r\n",
                       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
                  .body,
              "abcde");
    EXPECT_EQ(test.ask("POST", "/echo", "Transfer-Encoding: chunked\r\n", "3\nabc\r\n").status,
              400);
}

TEST(Server, SaysContinueBeforeTheBody) {
    TestServer test;
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(read_answer(client).status, 100);
    client.send("ok");
    EXPECT_EQ(read_answer(client).body, "ok");
    Client refused(test.port);
    refused.send(
        "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(read_answer(refused).status, 404);
}

TEST(Server, AByteAtATimeIsARequestToo) {
    TestServer test;
    add_routes(test);
    test.start();
    Client client(test.port);
    for (const char c :
         std::string_view("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")) {
        client.send(std::string_view(&c, 1));
    }
    EXPECT_EQ(read_answer(client).body, "abc");
}

TEST(Server, LimitsBodies) {
    TestServer test;
    test.options.body_bytes_max = 10;
    add_routes(test);
    test.start();
    EXPECT_EQ(test.ask("POST", "/echo", "Content-Length: 10\r\n", "0123456789").status, 200);
    EXPECT_EQ(test.ask("POST", "/echo", "Content-Length: 11\r\n", "0123456789a").status, 413);
    EXPECT_EQ(
        test.ask("POST", "/echo", "Transfer-Encoding: chunked\r\n", "b\r\n0123456789a\r\n0\r\n\r\n")
            .status,
        413);
    // The client sees the answer although it is still sending.
    Client client(test.port);
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n");
    client.send(std::string(500000, 'a'));
    const Received answer = read_answer(client);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.header("Connection"), "close");
    EXPECT_TRUE(client.ends());
}

TEST(Server, LimitsHeads) {
    TestServer test;
    test.options.header_bytes_max = 1000;
    add_routes(test);
    test.start();
    EXPECT_EQ(test.get("/echo", "X: " + std::string(900, 'a') + "\r\n").status, 200);
    EXPECT_EQ(test.get("/echo", "X: " + std::string(1000, 'a') + "\r\n").status, 431);
    EXPECT_EQ(test.get("/" + std::string(5000, 'a')).status, 431);
}

// Each is answered and the connection closed: nothing after it can be trusted.
TEST(Server, ClosesAfterMalformedHeads) {
    TestServer test;
    add_routes(test);
    test.start();
    for (const std::string_view head :
         {"GET\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
          "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: "
          "chunked\r\n\r\n",
          "\x16\x03\x01\x02\r\n\r\n"}) {
        Client client(test.port);
        client.send(head);
        EXPECT_EQ(read_answer(client).status, 400) << head;
        EXPECT_TRUE(client.ends());
    }
}

TEST(Server, ASlowHeadIsCutOff) {
    TestServer test;
    test.options.header_timeout = std::chrono::milliseconds(50);
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send("GET /echo HTTP/1.1\r\nHo");
    EXPECT_TRUE(client.ends());
}

TEST(Server, AnIdleConnectionIsClosed) {
    TestServer test;
    test.options.idle_timeout = std::chrono::milliseconds(50);
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(client).status, 200);
    EXPECT_TRUE(client.ends());
}

TEST(Server, ABodyThatStopsIsCutOff) {
    TestServer test;
    test.options.body_timeout = std::chrono::milliseconds(50);
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_TRUE(client.ends());
}

// A client that does not read must not hold a file and a connection for ever.
TEST(Server, AClientThatDoesNotReadIsCutOff) {
    TemporaryFolder folder;
    TestServer test;
    test.options.write_timeout = std::chrono::milliseconds(50);
    const std::string bytes(64U << 20U, 'a');
    add_routes(test, folder.write("f", bytes), static_cast<std::int64_t>(bytes.size()));
    test.start();
    Client client(test.port);
    client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\n");
    while (test.server->counters().connections_open == 0) {
        std::this_thread::yield();
    }
    while (test.server->counters().connections_open > 0) {
        std::this_thread::yield();
    }
    EXPECT_FALSE(read_answer(client).complete);
}

TEST(Server, AFullWorkerQueueSays503) {
    std::promise<void> release;
    const std::shared_future<void> released = release.get_future().share();
    std::atomic<int> running = 0;
    TestServer test;
    test.router.add(Method::get, "/wait", [&](const Request&) {
        ++running;
        released.wait();
        return text_response("done");
    });
    test.start();
    std::vector<std::unique_ptr<Client>> clients;
    // Two run, 64 wait, the rest is refused.
    for (int i = 0; i < 70; ++i) {
        clients.push_back(std::make_unique<Client>(test.port));
        clients.back()->send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
        while (running < std::min(i + 1, 2)) {
            std::this_thread::yield();
        }
    }
    while (test.server->counters().refused_total < 4) {
        std::this_thread::yield();
    }
    release.set_value();
    int busy = 0;
    for (const auto& client : clients) {
        const Received answer = read_answer(*client);
        if (answer.status == 503) {
            ++busy;
            EXPECT_EQ(answer.header("Retry-After"), "1");
        }
    }
    EXPECT_EQ(busy, 4);
}

TEST(Server, ConnectionsAboveTheLimitGet503) {
    TestServer test;
    test.options.connections_max = 1;
    add_routes(test);
    test.start();
    Client first(test.port);
    first.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(first).status, 200);
    Client second(test.port);
    const Received answer = read_answer(second);
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(second.ends());
}

// The refusal comes whole, although the client is still sending when the connection is closed.
TEST(Server, ConnectionsOfOneAddressAreLimited) {
    TestServer test;
    test.options.connections_per_address_max = 1;
    add_routes(test);
    test.start();
    auto first = std::make_unique<Client>(test.port);
    first->send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(*first).status, 200);
    Client second(test.port);
    second.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    const Received refusal = read_answer(second);
    EXPECT_EQ(refusal.status, 503);
    EXPECT_EQ(refusal.header("Retry-After"), "1");
    EXPECT_TRUE(second.ends());
    first.reset();
    ASSERT_TRUE(waited_until([&] { return test.server->counters().connections_open == 0; }));
    EXPECT_EQ(test.get("/echo").status, 200);
}

// A byte now and then keeps no connection: bytes have to come at a rate.
TEST(Server, ABodyThatComesByteByByteIsGivenUp) {
    TestServer test;
    test.options.body_timeout = std::chrono::milliseconds(100);
    test.options.body_rate_min = 1'000'000;
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    const std::future<void> dribble = std::async(std::launch::async, [&] {
        while (test.server->counters().connections_open > 0) {
            client.send("x");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    });
    EXPECT_TRUE(client.ends());
}

TEST(Server, ABodyThatComesAtTheRateIsTaken) {
    TestServer test;
    test.options.body_timeout = std::chrono::milliseconds(300);
    test.options.body_rate_min = 1;
    add_routes(test);
    test.start();
    Client client(test.port);
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n");
    for (int i = 0; i < 50; ++i) {
        client.send("x");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(read_answer(client).body, std::string(50, 'x'));
}

TEST(Server, BodiesTogetherHoldNoMoreThanTheyMay) {
    TestServer test;
    test.options.buffers = std::make_shared<net::MemoryBudget>(1'200'000);
    add_routes(test);
    test.router.add(Method::post, "/size", [](const Request& request) {
        return text_response(std::to_string(request.body.size()));
    });
    test.start();
    const std::string begun = "POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 500001\r\n\r\n" +
                              std::string(500'000, 'x');
    Client first(test.port);
    first.send(begun);
    ASSERT_TRUE(waited_until([&] { return test.options.buffers->used() >= 500'000; }));
    Client second(test.port);
    second.send(begun);
    const Received refusal = read_answer(second);
    EXPECT_EQ(refusal.status, 503);
    EXPECT_EQ(refusal.header("Retry-After"), "1");
    EXPECT_GE(test.options.buffers->refused(), 1U);
    EXPECT_EQ(test.get("/echo").status, 200);  // what needs no memory is served
    first.close();
    ASSERT_TRUE(waited_until([&] { return test.options.buffers->used() == 0; }));
    const std::string body(500'000, 'y');
    EXPECT_EQ(test.ask("POST", "/size", "Content-Length: 500000\r\n", body).body, "500000");
    ASSERT_TRUE(waited_until([&] { return test.options.buffers->used() == 0; }));
}

TEST(Server, GzipsLargeTextsForThoseWhoWantIt) {
    const std::string large = "{\"a\":\"" + std::string(5000, 'x') + "\"}";
    TestServer test;
    test.router.add(Method::get, "/large", [&](const Request&) {
        return Response{200, {{"Content-Type", "application/json;charset=UTF-8"}}, large};
    });
    test.router.add(Method::get, "/small", [](const Request&) { return text_response("small"); });
    test.router.add(Method::get, "/png", [&](const Request&) {
        return Response{200, {{"Content-Type", "image/png"}}, large};
    });
    test.start();
    const Received packed = test.get("/large", "Accept-Encoding: br;q=1, gzip\r\n");
    EXPECT_EQ(packed.header("Content-Encoding"), "gzip");
    EXPECT_EQ(packed.header("Vary"), "Accept-Encoding");
    EXPECT_EQ(unzipped(packed.body), large);
    EXPECT_EQ(test.get("/large").body, large);
    EXPECT_EQ(test.get("/large", "Accept-Encoding: gzip;q=0\r\n").body, large);
    EXPECT_EQ(test.get("/small", "Accept-Encoding: gzip\r\n").body, "small");
    EXPECT_EQ(test.get("/png", "Accept-Encoding: gzip\r\n").body, large);
}

TEST(Server, AnswersCrossOriginQuestions) {
    TestServer test;
    add_routes(test);
    test.start();
    const Received preflight =
        test.ask("OPTIONS", "/api/echo",
                 "Origin: http://ui\r\nAccess-Control-Request-Method: POST\r\n"
                 "Access-Control-Request-Headers: x-access-token\r\n");
    EXPECT_EQ(preflight.status, 204);
    EXPECT_EQ(preflight.header("Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(preflight.header("Access-Control-Allow-Headers"), "x-access-token");
    EXPECT_EQ(preflight.header("Access-Control-Max-Age"), "1800");
    EXPECT_NE(preflight.header("Access-Control-Allow-Methods").find("PATCH"), std::string::npos);
    EXPECT_EQ(preflight.header("Content-Length"), "");
    EXPECT_EQ(test.get("/echo", "Origin: http://ui\r\n").header("Access-Control-Allow-Origin"),
              "*");
    EXPECT_EQ(test.get("/echo").header("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(test.ask("OPTIONS", "/nowhere").status, 404);
}

// A value from a file name must not start a header of its own.
TEST(Server, LineBreaksInHeaderValuesAreDisarmed) {
    TestServer test;
    test.router.add(Method::get, "/x", [](const Request&) {
        return Response{
            200, {{"X-Name", "a\r\nSet-Cookie: b"}, {"Content-Length", "99"}}, std::string("ok")};
    });
    test.start();
    const Received answer = test.get("/x");
    EXPECT_EQ(answer.header("X-Name"), "a  Set-Cookie: b");
    EXPECT_EQ(answer.header("Set-Cookie"), "");
    EXPECT_EQ(answer.body, "ok");
}

TEST(Server, StopEndsIdleConnectionsAndLetsRunningRequestsEnd) {
    std::promise<void> release;
    std::promise<void> started;
    TestServer test;
    test.router.add(Method::get, "/wait", [&](const Request&) {
        started.set_value();
        release.get_future().wait();
        return text_response("done");
    });
    add_routes(test);
    test.start();
    Client idle(test.port);
    idle.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(idle).status, 200);
    Client busy(test.port);
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    started.get_future().wait();
    std::thread stopper([&] { test.server->stop(std::chrono::seconds(10)); });
    EXPECT_TRUE(idle.ends());
    release.set_value();
    EXPECT_EQ(read_answer(busy).body, "done");
    EXPECT_TRUE(busy.ends());
    stopper.join();
    EXPECT_EQ(test.server->counters().connections_open, 0U);
}

class ServerFiles : public testing::TestWithParam<Secure> {
protected:
    void SetUp() override {
        bytes = pattern_bytes(3 * 1024 * 1024 + 17);
        if (GetParam() == Secure::yes) {
            test.options.tls = self_signed_context(folder);
        }
        add_routes(test, folder.write("f", bytes), static_cast<std::int64_t>(bytes.size()));
        const std::string empty = folder.write("empty", "");
        test.router.add(Method::get, "/empty", [empty](const Request&) {
            return Response{200, {}, FileBody{empty, 0, "e", 0}};
        });
        const std::string wrong = folder.write("wrong", "12345");
        test.router.add(Method::get, "/wrong", [wrong](const Request&) {
            return Response{200, {}, FileBody{wrong, 4, "e", 0}};
        });
        test.start();
    }

    TemporaryFolder folder;
    TestServer test;
    std::string bytes;
};

TEST_P(ServerFiles, WholeFile) {
    const Received answer = test.get("/file");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("ETag"), "\"tag\"");
    EXPECT_EQ(answer.header("Last-Modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(answer.header("Accept-Ranges"), "bytes");
    EXPECT_EQ(answer.header("file-md5"), "m");
    EXPECT_TRUE(answer.body == bytes);
}

TEST_P(ServerFiles, Head) {
    Client client(test.port, GetParam());
    client.send("HEAD /file HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n\r\n");
    const Received answer = read_answer(client, Expect::no_body);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Content-Length"), std::to_string(bytes.size()));
    client.send("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read_answer(client).body, "path /echo q -");
}

TEST_P(ServerFiles, OneRange) {
    const Received middle = test.get("/file", "Range: bytes=1000000-1999999\r\n");
    EXPECT_EQ(middle.status, 206);
    EXPECT_EQ(middle.header("Content-Range"),
              fmt::format("bytes 1000000-1999999/{}", bytes.size()));
    EXPECT_TRUE(middle.body == bytes.substr(1000000, 1000000));
    EXPECT_EQ(test.get("/file", "Range: bytes=0-0\r\n").body, bytes.substr(0, 1));
    EXPECT_EQ(test.get("/file", "Range: bytes=-5\r\n").body, bytes.substr(bytes.size() - 5));
}

TEST_P(ServerFiles, SeveralRanges) {
    const Received answer = test.get("/file", "Range: bytes=0-3,100-101,-2\r\n");
    EXPECT_EQ(answer.status, 206);
    const std::string type = answer.header("Content-Type");
    ASSERT_TRUE(type.starts_with("multipart/byteranges; boundary="));
    const std::string boundary = type.substr(type.find('=') + 1);
    const auto part = [&](std::size_t first, std::size_t last) {
        return fmt::format(
            "--{}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes "
            "{}-{}/{}\r\n\r\n{}\r\n",
            boundary, first, last, bytes.size(), bytes.substr(first, last - first + 1));
    };
    EXPECT_EQ(answer.body, part(0, 3) + part(100, 101) + part(bytes.size() - 2, bytes.size() - 1) +
                               "--" + boundary + "--\r\n");
    EXPECT_TRUE(answer.complete);
}

TEST_P(ServerFiles, RangesThatCannotBe) {
    const Received beyond = test.get("/file", "Range: bytes=99999999-\r\n");
    EXPECT_EQ(beyond.status, 416);
    EXPECT_EQ(beyond.header("Content-Range"), fmt::format("bytes */{}", bytes.size()));
    EXPECT_EQ(test.get("/file", "Range: bytes=9-1\r\n").status, 200);
}

TEST_P(ServerFiles, Conditions) {
    const Received same = test.get("/file", "If-None-Match: \"tag\"\r\n");
    EXPECT_EQ(same.status, 304);
    EXPECT_EQ(same.header("ETag"), "\"tag\"");
    EXPECT_EQ(test.get("/file", "If-Match: \"other\"\r\n").status, 412);
    EXPECT_EQ(test.get("/file", "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").status, 200);
}

TEST_P(ServerFiles, EmptyFile) {
    const Received answer = test.get("/empty");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.header("Content-Length"), "0");
    EXPECT_EQ(test.get("/empty", "Range: bytes=0-\r\n").status, 416);
}

// A stored file that is not what was promised is never served.
TEST_P(ServerFiles, AFileOfAnotherSizeIsA500) {
    EXPECT_EQ(test.get("/wrong").status, 500);
}

TEST_P(ServerFiles, ManyAtOnce) {
    std::vector<std::future<bool>> downloads;
    for (int i = 0; i < 8; ++i) {
        downloads.push_back(
            std::async(std::launch::async, [&] { return test.get("/file").body == bytes; }));
    }
    for (auto& download : downloads) {
        EXPECT_TRUE(download.get());
    }
}

INSTANTIATE_TEST_SUITE_P(PlainAndTls, ServerFiles, testing::Values(Secure::no, Secure::yes),
                         [](const auto& info) {
                             return info.param == Secure::yes ? "Tls" : "Plain";
                         });

}  // namespace updraft::http
