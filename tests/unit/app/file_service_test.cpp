#include <gtest/gtest.h>

#include "app/urls.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

struct Files : testing::Test {
    UpgradeWorld w;
    Result<StoredFile> upload(const std::string& bytes,
                              FileService::Description description = {"fw.bin", "", false, false}) {
        auto upload = w.files.begin();
        if (const auto written = upload.write(bytes); !written) {
            return written.error();
        }
        return upload.finish(description, w.person());
    }
};

TEST_F(Files, AnUploadHasDigestsAndAKeyOfItsOwn) {
    const StoredFile file = upload("hello firmware").value();
    EXPECT_EQ(file.sha256, "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd");
    EXPECT_EQ(file.size_bytes, 14);
    EXPECT_EQ(file.extension, "bin");
    EXPECT_EQ(file.id.value.size(), 32U);
    EXPECT_EQ(w.files.url_of(file),
              "http://h:8848/api/file/" + file.id.value + ".bin?accessKey=" + file.access_key);
    EXPECT_NE(upload("hello firmware")->access_key, file.access_key);
    EXPECT_EQ(w.artifacts.count(), 1U);
}

TEST_F(Files, NamesAreMadeHarmless) {
    EXPECT_EQ(upload("x", {"C:\\fakepath\\固件\r\n.bin", "", false, false})->name, "固件.bin");
    EXPECT_EQ(upload("x", {"../../etc/passwd", "", false, false})->name, "passwd");
    EXPECT_EQ(upload("x", {"\xff\xfe", "", false, false})->name, "file");
    EXPECT_EQ(extension_of("a.tar.gz"), "gz");
    EXPECT_EQ(extension_of("a.b/c"), "");
}

TEST_F(Files, DownloadNeedsTheKeyOrASignIn) {
    const StoredFile file = upload("hello firmware").value();
    std::string upper = file.access_key;
    std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return std::toupper(c); });
    EXPECT_TRUE(w.files.open(file.id, file.access_key, false));
    EXPECT_TRUE(w.files.open(file.id, upper, false));
    EXPECT_TRUE(w.files.open(file.id, std::nullopt, true));
    EXPECT_EQ(w.files.open(file.id, "wrong", true).error().code, ErrorCode::access_denied);
    EXPECT_EQ(w.files.open(file.id, std::nullopt, false).error().code, ErrorCode::unauthorized);
    EXPECT_EQ(w.files.open(FileId{"none"}, "x", true).error().code, ErrorCode::not_found);
    const StoredFile open = upload("open", {"a.txt", "", true, false}).value();
    EXPECT_TRUE(w.files.open(open.id, std::nullopt, false));
}

TEST_F(Files, ADownloadIsRememberedWhileItsRowIsTheSame) {
    StoredFile file = upload("hello firmware").value();
    EXPECT_FALSE(w.files.open_at_once(file.id, file.access_key));
    ASSERT_TRUE(w.files.open(file.id, file.access_key, false));
    ASSERT_TRUE(w.files.open_at_once(file.id, file.access_key));
    EXPECT_EQ(w.files.open_at_once(file.id, file.access_key)->file, file);
    EXPECT_FALSE(w.files.open_at_once(file.id, "wrong"));
    EXPECT_FALSE(w.files.open_at_once(file.id, std::nullopt));

    const std::string old_key = file.access_key;
    file.access_key = "new";
    w.change([&](UnitOfWork& work) { work.files().update(file); });
    EXPECT_FALSE(w.files.open_at_once(file.id, old_key));
    EXPECT_EQ(w.files.open(file.id, old_key, false).error().code, ErrorCode::access_denied);
    ASSERT_TRUE(w.files.open(file.id, "new", false));
    EXPECT_TRUE(w.files.open_at_once(file.id, "new"));
    w.change([&](UnitOfWork& work) { work.files().remove(file.id); });
    EXPECT_FALSE(w.files.open_at_once(file.id, "new"));
}

TEST_F(Files, MissingBytesAreNeverServed) {
    const StoredFile file = upload("hello firmware").value();
    w.artifacts.remove(file.sha256);
    EXPECT_EQ(w.files.open(file.id, file.access_key, false).error().code, ErrorCode::not_found);
}

TEST_F(Files, AFullDiskLeavesNothingBehind) {
    w.artifacts.bytes_max = 4;
    EXPECT_EQ(upload("hello firmware").error().code, ErrorCode::storage_full);
    EXPECT_EQ(w.artifacts.count(), 0U);
}

TEST_F(Files, AnUploadThatIsCutLeavesNothingBehind) {
    {
        auto upload = w.files.begin();
        ASSERT_TRUE(upload.write("half"));
    }
    EXPECT_EQ(w.artifacts.count(), 0U);
}

TEST_F(Files, PiecesMayComeInAnyOrder) {
    const FileService::Description name{"fw.bin", "", false, false};
    EXPECT_FALSE(w.files.write_piece({"s1", 6, 14}, "firmware", name, w.person())->has_value());
    EXPECT_EQ(w.files.progress_of("s1", w.person())->received_bytes, 8);
    EXPECT_EQ(w.files.progress_of("s1", w.person())->next_offset, 0);
    const auto file = w.files.write_piece({"s1", 0, 14}, "hello ", name, w.person());
    ASSERT_TRUE(file && *file);
    EXPECT_EQ((*file)->md5, "5d99b396caab4bfae4e25207b62b30e2");
    EXPECT_FALSE(w.files.write_piece({"../x", 0, 14}, "hello ", name, w.person()));
}

// Whoever guesses a session's name learns nothing of another user's upload.
TEST_F(Files, OnlyItsUserSeesHowFarAnUploadInPiecesIs) {
    const FileService::Description name{"fw.bin", "", false, false};
    ASSERT_TRUE(w.files.write_piece({"s1", 0, 14}, "hello ", name, w.person()));
    Identity other = w.person();
    other.user = UserId{"other"};

    const auto progress = w.files.progress_of("s1", w.person());

    ASSERT_TRUE(progress);
    EXPECT_EQ(progress->session, "s1");
    EXPECT_EQ(progress->length_bytes, 14);
    EXPECT_EQ(progress->next_offset, 6);
    EXPECT_EQ(w.files.progress_of("s1", other).error().code, ErrorCode::not_found);
    EXPECT_EQ(w.files.progress_of("s2", w.person()).error().code, ErrorCode::not_found);
    ASSERT_TRUE(w.files.write_piece({"s1", 6, 14}, "firmware", name, w.person()));
    EXPECT_EQ(w.files.progress_of("s1", w.person()).error().code, ErrorCode::not_found);
}

TEST_F(Files, AReplacementKeepsIdAndKey) {
    const StoredFile file = upload("old").value();
    auto replacement = w.files.begin_replacement(file.id);
    ASSERT_TRUE(replacement);
    ASSERT_TRUE(replacement->write("new bytes"));
    const StoredFile after = replacement->finish({"x", "", false, false}, w.person()).value();
    EXPECT_EQ(after.id, file.id);
    EXPECT_EQ(after.access_key, file.access_key);
    EXPECT_EQ(after.size_bytes, 9);
    EXPECT_EQ(w.artifacts.count(), 1U);
}

// A crash between the bytes and the row leaves bytes that nothing points at.
TEST_F(Files, BytesWithoutAFileGoAfterAnHour) {
    w.artifacts.now = w.clock.now();
    upload("of a file").value();
    const auto left_by_a_crash = w.artifacts.begin();
    left_by_a_crash->write("left by a crash");
    const std::string orphan = left_by_a_crash->finish().sha256;

    w.clock.advance(std::chrono::minutes{60});
    EXPECT_EQ(w.files.collect().artifacts_without_file, 0U);
    EXPECT_TRUE(w.artifacts.path_of(orphan));

    w.clock.advance(std::chrono::minutes{1});
    EXPECT_EQ(w.files.collect().artifacts_without_file, 1U);
    EXPECT_FALSE(w.artifacts.path_of(orphan));
    EXPECT_EQ(w.artifacts.count(), 1U);
}

// A server on an old folder with a new database must not empty the folder.
TEST_F(Files, BytesStayWhenTheDatabaseKnowsNoFileAtAll) {
    w.artifacts.now = w.clock.now();
    const auto of_another_database = w.artifacts.begin();
    of_another_database->write("of another database");
    static_cast<void>(of_another_database->finish());
    w.clock.advance(std::chrono::hours{2});

    EXPECT_EQ(w.files.collect().artifacts_without_file, 0U);
    EXPECT_EQ(w.artifacts.count(), 1U);
}

TEST_F(Files, BytesWithoutAFileThatComeAgainStay) {
    w.artifacts.now = w.clock.now();
    const auto left_by_a_crash = w.artifacts.begin();
    left_by_a_crash->write("left by a crash");
    static_cast<void>(left_by_a_crash->finish());
    w.clock.advance(std::chrono::hours{2});

    const StoredFile file = upload("left by a crash").value();

    EXPECT_EQ(w.files.collect().artifacts_without_file, 0U);
    EXPECT_TRUE(w.files.open(file.id, file.access_key, false));
}

TEST_F(Files, OneCollectIsBounded) {
    FileService::Options options;
    options.collect_at_once = 2;
    upload("of a file").value();
    FileService files{*w.store, w.artifacts, w.urls, w.clock, options};
    for (const char* bytes : {"a", "b", "c"}) {
        const auto left_by_a_crash = w.artifacts.begin();
        left_by_a_crash->write(bytes);
        static_cast<void>(left_by_a_crash->finish());
    }

    EXPECT_TRUE(files.collect().more);
    EXPECT_EQ(w.artifacts.count(), 2U);
    EXPECT_FALSE(files.collect().more);
    EXPECT_EQ(w.artifacts.count(), 1U);
}

TEST(FileUrls, AbsoluteAndRelativeFormsAreRecognised) {
    const std::string id(32, 'a');
    const std::string base = "http://h:8848/api";
    const auto parsed = parse_file_url(base + "/file/" + id + ".bin?x=1&accessKey=K", base);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->file.value, id);
    EXPECT_EQ(parsed->access_key, "K");
    EXPECT_TRUE(parsed->certain);
    EXPECT_TRUE(parse_file_url("/api/file/" + id, base)->certain);
    EXPECT_FALSE(parse_file_url("http://h:8848/file/" + id, base)->certain);
    EXPECT_FALSE(parse_file_url("/file/" + id + "/more", base));
    EXPECT_FALSE(parse_file_url("/files/" + id, base));
    EXPECT_FALSE(parse_file_url("/file/xyz", base));
    EXPECT_EQ(absolute_url("/api/file/x", base), "http://h:8848/api/file/x");
    EXPECT_EQ(absolute_url("file/x", base), "http://h:8848/api/file/x");
    EXPECT_EQ(absolute_url("HTTPS://c/x", base), "HTTPS://c/x");
}

}  // namespace
}  // namespace updraft
