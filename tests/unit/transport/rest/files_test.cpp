#include "transport/http/rest/files.hpp"

#include <gtest/gtest.h>

#include "tests/support/upgrade_rest_world.hpp"
#include "transport/http/rest/files_multipart.hpp"

namespace updraft::rest {
namespace {

using Body = UpgradeRestWorld::ChunkedBody;

/// Reads a whole multipart body that comes in chunks of `chunk`; "name=bytes;" for each part, or
/// the error's English text.
std::string parts_of(const std::string& body, std::size_t chunk) {
    std::size_t at = 0;
    MultipartReader reader("B", [&] {
        std::string bytes = body.substr(std::min(at, body.size()), chunk);
        at += bytes.size();
        return bytes;
    });
    std::string seen;
    while (true) {
        auto part = reader.next_part();
        if (!part) {
            return part.error().message.en;
        }
        if (!*part) {
            return seen;
        }
        seen += (*part)->name + "=";
        while (true) {
            const auto bytes = reader.read();
            if (!bytes) {
                return bytes.error().message.en;
            }
            if (bytes->empty()) {
                break;
            }
            seen += *bytes;
        }
        seen += ";";
    }
}

// A boundary may lie across chunks wherever it likes.
TEST(Multipart, EveryChunkSizeGivesTheSameParts) {
    const std::string body =
        "preamble\r\n--B\r\nContent-Disposition: form-data; "
        "name=\"a\"\r\n\r\n1\r\n-\r\n--\r\n--x\r\n"
        "--B  "
        "\r\ncontent-disposition:form-data;name=b;filename=\"q\\\"x.bin\"\r\n\r\n\r\n--B--\r\nend";
    for (std::size_t chunk = 1; chunk <= body.size(); ++chunk) {
        EXPECT_EQ(parts_of(body, chunk), "a=1\r\n-\r\n--\r\n--x;b=;") << chunk;
    }
}

TEST(Multipart, ABodyThatEndsEarlyIsRefusedWhereverItEnds) {
    const std::string body =
        "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nbytes\r\n--B--";
    for (std::size_t size = 0; size < body.size(); ++size) {
        EXPECT_NE(parts_of(body.substr(0, size), 4).find("malformed"), std::string::npos) << size;
    }
    EXPECT_EQ(parts_of(body, 4), "a=bytes;");
}

TEST(Multipart, HeadersAreBounded) {
    const std::string body = "--B\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n\r\n--B--";
    EXPECT_NE(parts_of(body, 1000).find("too long"), std::string::npos);
}

TEST(Multipart, BoundariesAreTakenFromTheContentType) {
    EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=\"a b\"").value(), "a b");
    EXPECT_EQ(multipart_boundary("Multipart/Form-Data;charset=x; boundary=B").value(), "B");
    EXPECT_FALSE(multipart_boundary("application/json").value());
    EXPECT_FALSE(multipart_boundary("multipart/form-data"));
}

struct FileRoutes : testing::Test {
    UpgradeRestWorld w;
};

TEST_F(FileRoutes, AnUploadAnswersWhatTheConsoleNeeds) {
    const RestAnswer answer = w.upload_file("hello firmware");
    ASSERT_EQ(answer.status, 200) << answer.text;
    const json::object& file = answer.result().as_object();
    EXPECT_EQ(file.at("md5"), "5d99b396caab4bfae4e25207b62b30e2");
    EXPECT_EQ(file.at("length"), 14);
    EXPECT_EQ(file.at("name"), "fw.bin");
    EXPECT_EQ(file.at("options"), json::array{});
    const std::string key(file.at("others").at("accessKey").as_string());
    EXPECT_EQ(file.at("accessUrl").as_string(), "http://127.0.0.1:8848/api/file/" +
                                                    std::string(file.at("id").as_string()) +
                                                    ".bin?accessKey=" + key);
}

TEST_F(FileRoutes, SuffixOptionsRawBodiesAndBatches) {
    Body body;
    body.text = "hello firmware";
    EXPECT_EQ(w.upload(http::Method::post, "/file/upload",
                       {{"name", "a.img"}, {"options", "publicAccess,tempFile"}}, body,
                       "application/octet-stream")
                  .result()
                  .at("options")
                  .as_array()
                  .size(),
              2U);
    body.text = w.part("file", "noext", "x") + "--B--";
    EXPECT_EQ(w.upload(http::Method::post, "/file/upload.hex", {}, body,
                       "multipart/form-data; boundary=B")
                  .result()
                  .at("extension"),
              "hex");
    body.text = w.part("file", "1.bin", "x") + w.part("file", "2.bin", "y") + "--B--";
    EXPECT_EQ(w.upload(http::Method::post, "/file/batch/upload", {}, body,
                       "multipart/form-data; boundary=B")
                  .result()
                  .as_array()
                  .size(),
              2U);
}

TEST_F(FileRoutes, AMissingPartIsSaidSo) {
    Body body;
    body.text = "--B\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--B--";
    const RestAnswer answer =
        w.upload(http::Method::post, "/file/upload", {}, body, "multipart/form-data; boundary=B");
    EXPECT_EQ(answer.status, 400);
    EXPECT_NE(answer.message().find("file"), std::string::npos);
    EXPECT_EQ(w.upload(http::Method::post, "/file/upload", {}, body, "text/plain").status, 415);
}

TEST_F(FileRoutes, ACutUploadLeavesNothingBehind) {
    Body body;
    body.text = w.part("file", "fw.bin", std::string(1000, 'x'));
    body.cut_after = 20;
    EXPECT_NE(
        w.upload(http::Method::post, "/file/upload", {}, body, "multipart/form-data; boundary=B")
            .status,
        200);
    EXPECT_EQ(w.artifacts.count(), 0U);
}

TEST_F(FileRoutes, PiecesMakeAFile) {
    Body body;
    body.text = w.part("file", "blob", "firmware") + "--B--";
    const RestAnswer first =
        w.upload(http::Method::post, "/file/upload/sharding/s1",
                 {{"offset", "6"}, {"length", "14"}}, body, "multipart/form-data; boundary=B");
    EXPECT_EQ(first.result().at("received"), 8) << first.text;
    EXPECT_FALSE(first.result().as_object().contains("md5"));
    body.text = w.part("file", "blob", "hello ") + "--B--";
    const RestAnswer last =
        w.upload(http::Method::post, "/file/upload/sharding/s1",
                 {{"offset", "0"}, {"length", "14"}}, body, "multipart/form-data; boundary=B");
    EXPECT_EQ(last.result().at("md5"), "5d99b396caab4bfae4e25207b62b30e2") << last.text;
}

TEST_F(FileRoutes, ADownloadCarriesItsDigests) {
    const RestAnswer uploaded = w.upload_file("hello firmware", "固件.bin");
    const json::object& file = uploaded.result().as_object();
    const std::string path = "/file/" + std::string(file.at("id").as_string()) + ".anything";
    const std::string key(file.at("others").at("accessKey").as_string());
    const http::Response response = w.download(path, {{"accessKey", key}});
    ASSERT_EQ(response.status, 200);
    const auto& body = std::get<http::FileBody>(response.body);
    EXPECT_EQ(body.size_bytes, 14);
    EXPECT_EQ(body.etag, "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd");
    const RestAnswer headers(response, "");
    EXPECT_EQ(headers.header("file-md5"), "5d99b396caab4bfae4e25207b62b30e2");
    EXPECT_EQ(headers.header("Content-MD5"), "5d99b396caab4bfae4e25207b62b30e2");
    EXPECT_EQ(headers.header("Digest"), "sha-256=" + body.etag);
    EXPECT_NE(headers.header("Content-Disposition").find("filename*=UTF-8''%E5%9B%BA%E4%BB%B6.bin"),
              std::string::npos);
    EXPECT_EQ(w.download(path, {{"accessKey", "bad"}}).status, 403);
    EXPECT_EQ(w.download(path, {}).status, 401);
    EXPECT_EQ(w.download("/file/none", {{"accessKey", key}}).status, 404);
}

}  // namespace
}  // namespace updraft::rest
