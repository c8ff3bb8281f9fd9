#include "transport/http/request_head.hpp"

#include <gtest/gtest.h>

#include "transport/http/body_decoder.hpp"

namespace updraft::http {

namespace {

int status_of(const std::string& head) {
    const auto parsed = parse_head(head + "\r\n\r\n");
    const auto* refusal = std::get_if<HeadRefusal>(&parsed);
    return refusal == nullptr ? 200 : refusal->status;
}

RequestHead read(const std::string& head) {
    return std::get<RequestHead>(parse_head(head + "\r\n\r\n"));
}

/// Feeds a body in pieces of `step` bytes; "failed" if the decoder says so.
std::string decoded(const RequestHead& head, std::string_view bytes, std::size_t step) {
    BodyDecoder decoder(head);
    std::string body;
    std::string buffer;
    while (!bytes.empty() && !decoder.done() && !decoder.failed()) {
        buffer.append(bytes.substr(0, step));
        bytes.remove_prefix(std::min(step, bytes.size()));
        buffer.erase(0, decoder.decode(buffer, body, 1000));
    }
    if (decoder.failed()) {
        return "failed";
    }
    return decoder.done() ? body : body + " (incomplete)";
}

RequestHead chunked() {
    RequestHead head;
    head.chunked = true;
    return head;
}

}  // namespace

TEST(RequestHead, ReadsLineAndFields) {
    const RequestHead head =
        read("POST /a?b=c HTTP/1.1\r\nHost: h\r\nX-Y:  z \t\r\nContent-Length: 5");
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.target, "/a?b=c");
    EXPECT_EQ(head.headers, (Fields{{"Host", "h"}, {"X-Y", "z"}, {"Content-Length", "5"}}));
    EXPECT_EQ(head.content_length, 5);
    EXPECT_TRUE(head.keep_alive);
}

TEST(RequestHead, DecidesWhetherTheConnectionStays) {
    EXPECT_TRUE(read("GET / HTTP/1.1\r\nHost: h").keep_alive);
    EXPECT_FALSE(read("GET / HTTP/1.1\r\nHost: h\r\nConnection: foo, Close").keep_alive);
    EXPECT_FALSE(read("GET / HTTP/1.0").keep_alive);
    EXPECT_TRUE(read("GET / HTTP/1.0\r\nConnection: keep-alive").keep_alive);
}

// Each of these is read differently by different servers, or is no request at all.
TEST(RequestHead, RefusesWhatIsMalformedOrAmbiguous) {
    const std::string ok = "GET / HTTP/1.1\r\nHost: h";
    EXPECT_EQ(status_of(ok), 200);
    EXPECT_EQ(status_of("GET / HTTP/1.1"), 400);
    EXPECT_EQ(status_of(ok + "\r\nHost: i"), 400);
    EXPECT_EQ(status_of("GET  HTTP/1.1\r\nHost: h"), 400);
    EXPECT_EQ(status_of("GET /\r\nHost: h"), 400);
    EXPECT_EQ(status_of("GET / a HTTP/1.1\r\nHost: h"), 400);
    EXPECT_EQ(status_of("G(T / HTTP/1.1\r\nHost: h"), 400);
    EXPECT_EQ(status_of("GET / http/1.1\r\nHost: h"), 400);
    EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: h"), 505);
    EXPECT_EQ(status_of(ok + "\r\nNo colon"), 400);
    EXPECT_EQ(status_of(ok + "\r\nSpace : x"), 400);
    EXPECT_EQ(status_of(ok + "\r\n folded"), 400);
    EXPECT_EQ(status_of(ok + "\r\n: x"), 400);
    EXPECT_EQ(status_of(ok + "\r\nX: a\rb"), 400);
    EXPECT_EQ(status_of(ok + "\r\nX: a\nY: b"), 400);
    EXPECT_EQ(status_of(ok + std::string("\r\nX: a\0b", 8)), 400);
    EXPECT_EQ(status_of(ok + "\r\nContent-Length: -1"), 400);
    EXPECT_EQ(status_of(ok + "\r\nContent-Length: +1"), 400);
    EXPECT_EQ(status_of(ok + "\r\nContent-Length: 1, 1"), 400);
    EXPECT_EQ(status_of(ok + "\r\nContent-Length: 1\r\nContent-Length: 1"), 400);
    EXPECT_EQ(status_of(ok + "\r\nContent-Length: 99999999999999999999"), 400);
    EXPECT_EQ(status_of(ok + "\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked"), 400);
    EXPECT_EQ(status_of(ok + "\r\nTransfer-Encoding: gzip, chunked"), 501);
    EXPECT_EQ(status_of(ok + "\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 501);
    EXPECT_EQ(status_of(ok + "\r\nTransfer-Encoding: \x0b chunked"), 400);
}

TEST(RequestHead, LimitsTheNumberOfFields) {
    std::string head = "GET / HTTP/1.1\r\nHost: h";
    for (int i = 0; i < 100; ++i) {
        head += "\r\nX: y";
    }
    EXPECT_EQ(status_of(head), 431);
}

TEST(BodyDecoder, ReadsChunksCutAnywhere) {
    const std::string_view body = "4\r\nWiki\r\n6;ext=\"a\"\r\npedia \r\n0\r\nTrailer: x\r\n\r\n";
    for (std::size_t step = 1; step <= body.size(); ++step) {
        EXPECT_EQ(decoded(chunked(), body, step), "Wikipedia ") << step;
    }
}

TEST(BodyDecoder, LeavesTheNextRequestAlone) {
    BodyDecoder decoder(chunked());
    std::string body;
    EXPECT_EQ(decoder.decode("1\r\na\r\n0\r\n\r\nGET / HTTP/1.1", body, 100), 11U);
    EXPECT_TRUE(decoder.done());
    RequestHead sized;
    sized.content_length = 3;
    EXPECT_EQ(decoded(sized, "abcdef", 2), "abc");
}

TEST(BodyDecoder, RefusesMalformedChunks) {
    for (const std::string_view body :
         {"\r\n", "x\r\n", "-1\r\n", "1\na\r\n", "1\r\nab\r\n", "1 2\r\n", "0x1\r\na\r\n",
          "ffffffffffffffffff\r\n", "1\r\r\na", "+1\r\na\r\n"}) {
        EXPECT_EQ(decoded(chunked(), body, 100), "failed") << body;
    }
    EXPECT_EQ(decoded(chunked(), "0\r\n" + std::string(2000, 'a'), 100), "failed");
}

TEST(BodyDecoder, StopsAtTheLimit) {
    BodyDecoder decoder(chunked());
    std::string body;
    EXPECT_EQ(decoder.decode("5\r\nabcde\r\n", body, 3), 6U);
    EXPECT_EQ(body, "abc");
}

}  // namespace updraft::http
