#include "transport/http/open_files.hpp"

#include <filesystem>

#include "tests/unit/transport/http/test_server.hpp"

namespace updraft::http {
namespace {

struct OpenFilesTest : testing::Test {
    TemporaryFolder folder;
    std::string path = folder.write("artifact", "0123456789");
    FileBody body{path, 10, "tag", 1};
    OpenFiles files{4};
};

TEST_F(OpenFilesTest, AFileIsSharedWhileSomebodyHoldsIt) {
    EXPECT_EQ(files.find(body), nullptr);
    auto held = files.open(body);
    EXPECT_EQ(files.open(body), held);
    EXPECT_EQ(files.find(body), held);
    held.reset();
    EXPECT_EQ(files.find(body), nullptr);
}

// The scrub moves damaged bytes away: whoever has them open must not go on serving them.
TEST_F(OpenFilesTest, AFileThatWasMovedAwayIsNotServed) {
    const auto held = files.open(body);
    std::filesystem::rename(path, folder.file("damaged"));
    EXPECT_EQ(files.find(body), nullptr);
    EXPECT_THROW((void)files.open(body), std::runtime_error);
}

TEST_F(OpenFilesTest, AFileThatWasReplacedIsOpenedAnew) {
    const auto held = files.open(body);
    const std::string healed = folder.write("healed", "abcdefghij");
    std::filesystem::rename(healed, path);
    EXPECT_EQ(files.find(body), nullptr);
    EXPECT_NE(files.open(body), held);
}

TEST_F(OpenFilesTest, AFileThatWasWrittenToIsOpenedAnew) {
    const auto held = files.open(body);
    std::filesystem::last_write_time(path, std::filesystem::file_time_type{});
    EXPECT_EQ(files.find(body), nullptr);
    folder.write("artifact", "cut");
    EXPECT_EQ(files.find(body), nullptr);
    EXPECT_THROW((void)files.open(body), std::runtime_error);
}

TEST_F(OpenFilesTest, ManyFilesAreOpenedButNotAllShared) {
    std::vector<std::shared_ptr<const OpenFile>> held;
    for (int i = 0; i < 6; ++i) {
        const std::string each = folder.write(std::to_string(i), "0123456789");
        held.push_back(files.open({each, 10, "tag", 1}));
    }
    EXPECT_NE(files.find({folder.file("0"), 10, "tag", 1}), nullptr);
    EXPECT_TRUE(files.shares({folder.file("0"), 10, "tag", 1}, *held[0]));
    EXPECT_EQ(files.find({folder.file("5"), 10, "tag", 1}), nullptr);
    EXPECT_FALSE(files.shares({folder.file("5"), 10, "tag", 1}, *held[5]));
    held.clear();
    const auto later = files.open(body);
    EXPECT_EQ(files.find(body), later);
}

// A route that answers at once does so on its loop; what it leaves open goes to a worker.
TEST(ServerAtOnce, AHandlerIsAskedOnlyWhenThereIsNoAnswerAtOnce) {
    TestServer test;
    std::atomic<int> asked = 0;
    const auto at_once = [](const Request& request) -> std::optional<Response> {
        if (request.query_value("known")) {
            return text_response("at once");
        }
        if (request.query_value("broken")) {
            throw std::runtime_error("secret detail");
        }
        return std::nullopt;
    };
    test.router.add(Method::get, "/it",
                    [&](const Request&) {
                        ++asked;
                        return text_response("looked");
                    },
                    {.at_once = at_once});
    test.start();
    EXPECT_EQ(test.get("/it?known=1").body, "at once");
    EXPECT_EQ(asked, 0);
    EXPECT_EQ(test.get("/it").body, "looked");
    EXPECT_EQ(test.get("/it?broken=1").body, "looked");
    EXPECT_EQ(asked, 2);
}

// A file is sent at once only while it is open already: opening one may wait for a disk.
TEST(ServerAtOnce, AFileIsServedAtOnceWhileItIsOpenAndUntouched) {
    TestServer test;
    const TemporaryFolder folder;
    const std::string path = folder.write("f", "0123456789");
    std::atomic<int> asked = 0;
    const auto response = [path] { return Response{200, {}, FileBody{path, 10, "tag", 1}}; };
    test.router.add(Method::get, "/f",
                    [&](const Request&) {
                        ++asked;
                        return response();
                    },
                    {.at_once = [&](const Request&) { return std::optional(response()); }});
    test.start();
    Client client(test.port);
    const auto range = [&] {
        client.send("GET /f HTTP/1.1\r\nHost: x\r\nRange: bytes=2-4\r\n\r\n");
        return read_answer(client);
    };
    EXPECT_EQ(range().body, "234");
    EXPECT_EQ(asked, 1);
    EXPECT_EQ(range().body, "234");
    EXPECT_EQ(asked, 1);
    std::filesystem::remove(path);
    EXPECT_EQ(range().status, 500);
    EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace updraft::http
