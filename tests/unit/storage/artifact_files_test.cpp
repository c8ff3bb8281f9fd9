#include "storage/artifacts/artifact_files.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace updraft {
namespace {

namespace fs = std::filesystem;

/// Spec 7: the digests of the 14 bytes `hello firmware`.
constexpr std::string_view hello = "hello firmware";
constexpr std::string_view hello_md5 = "5d99b396caab4bfae4e25207b62b30e2";
constexpr std::string_view hello_sha256 =
    "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd";

class ArtifactFiles : public testing::Test {
protected:
    ArtifactFiles() {
        std::string name = fs::temp_directory_path() / "updraft-artifacts-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary folder");
        }
        folder_ = name;
        store_ = open_artifact_files(folder_);
    }
    ~ArtifactFiles() override { fs::remove_all(folder_); }

    ArtifactDigests put(std::string_view bytes) {
        const auto writer = store_->begin();
        writer->write(bytes);
        return writer->finish();
    }
    [[nodiscard]] static std::string content(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    [[nodiscard]] std::size_t uploads() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_ / "uploads"), fs::directory_iterator()));
    }
    std::optional<ArtifactDigests> piece(const std::string& session, std::int64_t offset,
                                         std::int64_t length, std::string_view bytes) {
        const auto result = store_->write_piece(session, offset, length, bytes);
        EXPECT_TRUE(result.has_value());
        return result ? *result : std::nullopt;
    }

    fs::path folder_;
    std::unique_ptr<ArtifactStore> store_;
};

TEST_F(ArtifactFiles, FinishGivesTheDigestsAndTheBytesAreAtTheirAddress) {
    const auto writer = store_->begin();
    writer->write("hello ");
    writer->write("firmware");
    const ArtifactDigests digests = writer->finish();
    EXPECT_EQ(digests.size_bytes, 14);
    EXPECT_EQ(digests.md5, hello_md5);
    EXPECT_EQ(digests.sha256, hello_sha256);
    const auto path = store_->path_of(digests.sha256);
    ASSERT_TRUE(path.has_value());
    EXPECT_EQ(content(*path), hello);
    EXPECT_EQ(*path, folder_ / "artifacts" / "83" / hello_sha256);
    EXPECT_EQ(uploads(), 0U);
}

TEST_F(ArtifactFiles, AnUploadThatIsGivenUpLeavesNothing) {
    {
        const auto writer = store_->begin();
        writer->write(hello);
        EXPECT_EQ(uploads(), 1U);
    }
    EXPECT_EQ(uploads(), 0U);
    EXPECT_FALSE(store_->path_of(std::string(hello_sha256)).has_value());
}

TEST_F(ArtifactFiles, EqualContentIsKeptOnce) {
    put(hello);
    const auto first = fs::last_write_time(*store_->path_of(std::string(hello_sha256)));
    put(hello);
    EXPECT_EQ(fs::last_write_time(*store_->path_of(std::string(hello_sha256))), first);
    EXPECT_EQ(uploads(), 0U);
}

TEST_F(ArtifactFiles, ATruncatedFileIsNotServedAndANewUploadHealsIt) {
    put(hello);
    const std::string path = *store_->path_of(std::string(hello_sha256));
    fs::resize_file(path, 5);
    EXPECT_FALSE(store_->path_of(std::string(hello_sha256)).has_value());
    put(hello);
    EXPECT_EQ(content(*store_->path_of(std::string(hello_sha256))), hello);
}

TEST_F(ArtifactFiles, ARemovedArtifactIsGone) {
    put(hello);
    store_->remove(std::string(hello_sha256));
    EXPECT_FALSE(store_->path_of(std::string(hello_sha256)).has_value());
    EXPECT_TRUE(fs::is_empty(folder_ / "artifacts" / "83"));
}

// An address comes out of the database, yet nothing but 64 hex digits may become a path.
TEST_F(ArtifactFiles, OnlyADigestIsAnAddress) {
    for (const std::string_view bad : {"", "../../etc/passwd", "83", "../83"}) {
        EXPECT_FALSE(store_->path_of(std::string(bad)).has_value());
        EXPECT_NO_THROW(store_->remove(std::string(bad)));
    }
}

TEST_F(ArtifactFiles, PiecesComeInAnyOrderAndOverlap) {
    EXPECT_FALSE(piece("s", 8, 14, "rmware").has_value());
    EXPECT_FALSE(piece("s", 0, 14, "hello").has_value());
    EXPECT_FALSE(piece("s", 0, 14, "hello ").has_value());
    const auto partial = store_->partial("s");
    ASSERT_TRUE(partial.has_value());
    EXPECT_EQ(partial->length_bytes, 14);
    EXPECT_EQ(partial->received_bytes, 12);
    const auto digests = piece("s", 4, 14, "o firm");
    ASSERT_TRUE(digests.has_value());
    EXPECT_EQ(digests->sha256, hello_sha256);
    EXPECT_EQ(digests->md5, hello_md5);
    EXPECT_FALSE(store_->partial("s").has_value());
    EXPECT_EQ(uploads(), 0U);
}

TEST_F(ArtifactFiles, PiecesSurviveARestart) {
    piece("../s", 0, 14, "hello ");
    store_ = open_artifact_files(folder_);
    EXPECT_EQ(store_->partial("../s")->received_bytes, 6);
    EXPECT_EQ(piece("../s", 6, 14, "firmware")->sha256, hello_sha256);
}

// A crash may cut the last entry of the map short: its piece is asked for again.
TEST_F(ArtifactFiles, AnEntryCutShortIsDroppedWithItsPiece) {
    piece("s", 0, 14, "hello ");
    piece("s", 6, 14, "firm");
    store_.reset();
    for (const auto& entry : fs::directory_iterator(folder_ / "uploads")) {
        if (entry.path().extension() == ".map") {
            fs::resize_file(entry.path(), fs::file_size(entry.path()) - 3);
        }
    }
    store_ = open_artifact_files(folder_);
    EXPECT_EQ(store_->partial("s")->received_bytes, 6);
    EXPECT_EQ(piece("s", 6, 14, "firmware")->sha256, hello_sha256);
}

TEST_F(ArtifactFiles, PiecesOutsideTheFileAreRefused) {
    EXPECT_FALSE(store_->write_piece("s", -1, 14, "x").has_value());
    EXPECT_FALSE(store_->write_piece("s", 14, 14, "x").has_value());
    EXPECT_FALSE(store_->write_piece("s", 0, -1, "").has_value());
    EXPECT_EQ(uploads(), 0U);
    piece("s", 0, 14, "hello");
    const auto other_length = store_->write_piece("s", 5, 15, "x");
    ASSERT_FALSE(other_length.has_value());
    EXPECT_EQ(other_length.error().code, ErrorCode::invalid_argument);
}

TEST_F(ArtifactFiles, AnEmptyFileInPiecesIsComplete) {
    const auto digests = piece("s", 0, 0, "");
    ASSERT_TRUE(digests.has_value());
    EXPECT_EQ(digests->md5, "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(uploads(), 0U);
}

TEST_F(ArtifactFiles, ThreadsMaySendPiecesOfOneFile) {
    const std::string bytes(64 << 10, 'x');
    std::vector<std::thread> threads;
    std::atomic<int> completed = 0;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            for (int i = t; i < 16; i += 4) {
                const std::int64_t offset = std::int64_t{i} * 4096;
                completed +=
                    piece("s", offset, 64 << 10, std::string_view(bytes).substr(offset, 4096))
                            .has_value()
                        ? 1
                        : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(completed, 1);
}

TEST_F(ArtifactFiles, OnlyOldUploadsAreAbandoned) {
    const auto now = SystemClock().now();
    piece("s", 0, 14, "hello");
    store_->remove_abandoned(now - std::chrono::hours(1));
    EXPECT_TRUE(store_->partial("s").has_value());
    store_->remove_abandoned(now + std::chrono::hours(1));
    EXPECT_FALSE(store_->partial("s").has_value());
    EXPECT_EQ(uploads(), 0U);
}

TEST_F(ArtifactFiles, OpeningRemovesWhatACrashLeft) {
    const auto writer = store_->begin();
    writer->write(hello);
    const auto reopened = open_artifact_files(folder_);
    EXPECT_EQ(uploads(), 0U);
}

// The folder went away under us.
TEST_F(ArtifactFiles, AFileThatCannotBeWrittenIsAStorageError) {
    fs::remove_all(folder_ / "uploads");
    EXPECT_THROW((void)store_->begin(), StorageError);
}

}  // namespace
}  // namespace updraft
