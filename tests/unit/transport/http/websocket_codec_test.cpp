#include "transport/http/websocket_codec.hpp"

#include <gtest/gtest.h>

namespace updraft::http {

namespace {

/// A client's frame: first byte as given, masked.
std::string client_frame(int first_byte, std::string_view payload) {
    std::string frame;
    frame += static_cast<char>(first_byte);
    if (payload.size() < 126) {
        frame += static_cast<char>(0x80U | payload.size());
    } else {
        frame += static_cast<char>(0x80U | 126U);
        frame += static_cast<char>(payload.size() >> 8U);
        frame += static_cast<char>(payload.size() & 0xFFU);
    }
    const std::string mask = "\x11\x22\x33\x44";
    frame += mask;
    for (std::size_t i = 0; i < payload.size(); ++i) {
        frame += static_cast<char>(payload[i] ^ mask[i % 4]);
    }
    return frame;
}

/// What comes out, or the close code.
std::string decoded(std::string_view bytes, std::size_t step = 1000) {
    WebSocketDecoder decoder(200);
    std::vector<WebSocketEvent> events;
    while (!bytes.empty()) {
        if (!decoder.decode(bytes.substr(0, step), events)) {
            return std::to_string(static_cast<int>(decoder.refusal()));
        }
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    std::string all;
    for (const WebSocketEvent& event : events) {
        all += fmt::format("{}:{};", static_cast<int>(event.opcode), event.payload);
    }
    return all;
}

}  // namespace

// The example of RFC 6455 1.3.
TEST(WebSocket, AcceptsTheKeyOfTheStandard) {
    EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocket, FramesByLength) {
    EXPECT_EQ(websocket_frame(WebSocketOpcode::text, "Hi"), "\x81\x02Hi");
    EXPECT_EQ(websocket_frame(WebSocketOpcode::text, std::string(126, 'a')).substr(0, 4),
              std::string("\x81\x7e\x00\x7e", 4));
    EXPECT_EQ(websocket_frame(WebSocketOpcode::text, std::string(65536, 'a')).substr(0, 10),
              std::string("\x81\x7f\0\0\0\0\0\1\0\0", 10));
}

TEST(WebSocket, JoinsFragmentsAroundControlFrames) {
    const std::string bytes = client_frame(0x01, "Hel") + client_frame(0x89, "p") +
                              client_frame(0x80, "lo") + client_frame(0x81, "");
    for (std::size_t step = 1; step <= bytes.size(); ++step) {
        EXPECT_EQ(decoded(bytes, step), "9:p;1:Hello;1:;") << step;
    }
}

TEST(WebSocket, RefusesWhatTheStandardForbids) {
    EXPECT_EQ(decoded("\x81\x02Hi"), "1002");             // not masked
    EXPECT_EQ(decoded(client_frame(0xC1, "x")), "1002");  // reserved bit
    EXPECT_EQ(decoded(client_frame(0x83, "x")), "1002");  // unknown opcode
    EXPECT_EQ(decoded(client_frame(0x80, "x")), "1002");  // nothing to continue
    EXPECT_EQ(decoded(client_frame(0x01, "x") + client_frame(0x81, "y")), "1002");
    EXPECT_EQ(decoded(client_frame(0x09, "x")), "1002");                    // fragmented ping
    EXPECT_EQ(decoded(client_frame(0x89, std::string(126, 'a'))), "1002");  // long ping
    EXPECT_EQ(decoded(client_frame(0x88, "x")), "1002");                    // half a close code
    EXPECT_EQ(decoded(client_frame(0x88, "\x03\xed")), "1002");             // 1005 on the wire
    EXPECT_EQ(decoded(client_frame(0x82, "x")), "1003");                    // binary
    EXPECT_EQ(decoded(client_frame(0x81, "\xff")), "1007");
    EXPECT_EQ(decoded(client_frame(0x81, std::string(201, 'a'))), "1009");
    EXPECT_EQ(decoded(client_frame(0x01, std::string(150, 'a')) +
                      client_frame(0x80, std::string(51, 'a'))),
              "1009");
}

// A character may be cut by a fragment's end.
TEST(WebSocket, ChecksTextWhenItIsWhole) {
    EXPECT_EQ(decoded(client_frame(0x01, "\xe5\x8d") + client_frame(0x80, "\x87")),
              "1:\xe5\x8d\x87;");
}

TEST(WebSocket, KeepsTheCloseCode) {
    EXPECT_EQ(decoded(client_frame(0x88, "\x03\xe8 bye")), "8:\x03\xe8 bye;");
}

}  // namespace updraft::http
