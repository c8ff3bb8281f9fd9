// What the contract suite cannot see: the files and folders that a store leaves on the disk.

#include "storage/artifacts/artifact_files.hpp"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/ids.hpp"

namespace updraft {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view hello_sha256 =
    "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd";

class ArtifactFiles : public testing::Test {
protected:
    ArtifactFiles() : folder_(fs::path(testing::TempDir()) / random_hex(16)) {}
    ~ArtifactFiles() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    std::unique_ptr<ArtifactStore> open() const { return open_artifact_files(folder_.string()); }
    std::vector<fs::path> uploads() const { return files_under(folder_ / "uploads"); }
    static std::vector<fs::path> files_under(const fs::path& folder) {
        std::vector<fs::path> files;
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file()) {
                files.push_back(entry.path());
            }
        }
        std::ranges::sort(files);
        return files;
    }
    void age_uploads(std::chrono::hours age) const {
        for (const fs::path& file : uploads()) {
            fs::last_write_time(file, fs::file_time_type::clock::now() - age);
        }
    }
    /// Does `work` in a process that then dies without cleaning up, as after kill -9.
    template <class Work>
    static void in_a_process_that_dies(Work&& work) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0) << std::strerror(errno);
        if (child == 0) {
            work();
            ::_exit(0);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0);
    }

    const fs::path folder_;
};

Instant hours_ago(int hours) {
    return SystemClock().now() - std::chrono::hours(hours);
}

std::string store_hello(ArtifactStore& store) {
    const auto writer = store.begin();
    writer->write("hello firmware");
    return writer->finish().sha256;
}

// Operators back the folder up and look into it: its layout is a promise (design 3.6).
TEST_F(ArtifactFiles, AnArtifactLiesUnderItsDigest) {
    const auto store = open();

    store_hello(*store);

    const fs::path expected = folder_ / "artifacts" / "83" / hello_sha256;
    EXPECT_EQ(store->path_of(std::string(hello_sha256)), expected.string());
    EXPECT_EQ(fs::file_size(expected), 14U);
    EXPECT_TRUE(uploads().empty());
}

TEST_F(ArtifactFiles, AnUploadInProgressHasANameNobodyGuesses) {
    const auto store = open();
    const auto one = store->begin();
    const auto two = store->begin();
    one->write("1");
    two->write("2");

    const auto files = uploads();

    ASSERT_EQ(files.size(), 2U);
    EXPECT_NE(files[0], files[1]);
    EXPECT_GE(files[0].filename().string().size(), 32U);
}

TEST_F(ArtifactFiles, AWriterDestroyedWithoutFinishLeavesNoFile) {
    const auto store = open();

    store->begin()->write("never finished");

    EXPECT_TRUE(uploads().empty());
    EXPECT_TRUE(files_under(folder_ / "artifacts").empty());
}

TEST_F(ArtifactFiles, TheSameContentTwiceLeavesNoUploadBehind) {
    const auto store = open();
    store_hello(*store);
    const auto before = files_under(folder_);

    store_hello(*store);

    EXPECT_EQ(files_under(folder_), before);
}

// A file that lost bytes would be served for ever if the next upload of the same content trusted
// it.
TEST_F(ArtifactFiles, AnArtifactOfTheWrongSizeIsReplacedByTheNextUpload) {
    const auto store = open();
    store_hello(*store);
    const fs::path path = folder_ / "artifacts" / "83" / hello_sha256;
    fs::resize_file(path, 5);

    store_hello(*store);

    EXPECT_EQ(fs::file_size(path), 14U);
    EXPECT_EQ(store->path_of(std::string(hello_sha256)), path.string());
}

// Housekeeping removes what each() tells and no file has: it must not tell of foreign files.
TEST_F(ArtifactFiles, EachPassesOverWhatIsNoArtifact) {
    const auto store = open();
    store_hello(*store);
    const fs::path artifacts = folder_ / "artifacts";
    const std::string digits(hello_sha256);
    fs::create_directories(artifacts / "00" / ("00" + std::string(62, 'a')));  // a folder
    fs::create_directories(artifacts / "lost+found");
    for (const fs::path& foreign :
         {artifacts / "README", artifacts / "ab", artifacts / digits, artifacts / "83" / "note.txt",
          artifacts / "83" / (digits + ".bak"), artifacts / "00" / digits,
          artifacts / "lost+found" / digits}) {
        std::ofstream(foreign) << "not ours";
    }
    std::vector<std::string> told;

    store->each([&](const std::string& sha256, Instant) {
        told.push_back(sha256);
        return true;
    });

    EXPECT_EQ(told, std::vector{digits});
}

// Else housekeeping would take old bytes whose new file has no row yet.
TEST_F(ArtifactFiles, AnUploadOfTheSameBytesMakesTheArtifactNew) {
    const auto store = open();
    store_hello(*store);
    fs::last_write_time(folder_ / "artifacts" / "83" / hello_sha256,
                        fs::file_time_type::clock::now() - std::chrono::hours(48));
    const auto changed_at = [&] {
        Instant at;
        store->each([&](const std::string&, Instant changed) {
            at = changed;
            return true;
        });
        return at;
    };
    ASSERT_LT(changed_at(), hours_ago(24));

    store_hello(*store);

    EXPECT_GT(changed_at(), hours_ago(24));
}

TEST_F(ArtifactFiles, OnlyARegularFileIsAnArtifact) {
    const auto store = open();
    fs::create_directories(folder_ / "artifacts" / "83" / hello_sha256);

    EXPECT_FALSE(store->path_of(std::string(hello_sha256)));
}

TEST_F(ArtifactFiles, RemoveLeavesNothingOfTheArtifact) {
    const auto store = open();
    store_hello(*store);

    store->remove(std::string(hello_sha256));

    EXPECT_TRUE(files_under(folder_).empty());
}

TEST_F(ArtifactFiles, AFinishedUploadInPiecesLeavesOnlyItsArtifact) {
    const auto store = open();

    ASSERT_TRUE(store->write_piece("s", 0, 14, "hello ").has_value());
    ASSERT_TRUE(store->write_piece("s", 6, 14, "firmware")->has_value());
    store->forget_partial("s");

    EXPECT_TRUE(uploads().empty());
    EXPECT_TRUE(store->path_of(std::string(hello_sha256)));
}

// A crash between the artifact and its row must not cost the pieces that were acknowledged.
TEST_F(ArtifactFiles, ACompleteUploadInPiecesOutlivesACrashUntilItsFileIsKnown) {
    in_a_process_that_dies([&] {
        const auto store = open();
        const bool done = store->write_piece("s", 0, 14, "hello ").has_value() &&
                          store->write_piece("s", 6, 14, "firmware")->has_value();
        ::_exit(done ? 0 : 1);
    });
    const auto store = open();

    EXPECT_EQ(store->partial("s")->received_bytes, 14);
    for (const auto& [offset, piece] : {std::pair(6, "firmware"), std::pair(0, "hello ")}) {
        const auto again = store->write_piece("s", offset, 14, piece);
        ASSERT_TRUE(again.has_value() && again->has_value());
        EXPECT_EQ((*again)->sha256, hello_sha256);
    }
    store->forget_partial("s");
    EXPECT_TRUE(uploads().empty());
}

// The bytes of a complete upload are an artifact's, too: another upload under its name begins anew
// and leaves them as they are.
TEST_F(ArtifactFiles, AnotherUploadUnderTheNameOfACompleteOneChangesNoArtifact) {
    const auto store = open();
    ASSERT_TRUE(store->write_piece("s", 0, 14, "hello firmware")->has_value());

    EXPECT_FALSE(store->write_piece("s", 0, 14, "HELLO ")->has_value());
    EXPECT_EQ(store->partial("s")->received_bytes, 6);
    store->forget_partial("s");  // comes late, and is not about this one
    EXPECT_EQ(store->partial("s")->received_bytes, 6);
    ASSERT_TRUE(store->write_piece("s", 6, 14, "FIRMWARE")->has_value());
    EXPECT_FALSE(store->write_piece("s", 0, 3, "ab")->has_value());

    std::ifstream artifact(*store->path_of(std::string(hello_sha256)));
    std::string bytes;
    std::getline(artifact, bytes);
    EXPECT_EQ(bytes, "hello firmware");
}

TEST_F(ArtifactFiles, ARefusedFirstPieceLeavesNoFile) {
    const auto store = open();

    EXPECT_FALSE(store->write_piece("s", 9, 10, "abc").has_value());
    EXPECT_FALSE(store->write_piece("s", 0, -1, "").has_value());

    EXPECT_TRUE(uploads().empty());
}

TEST_F(ArtifactFiles, AskingForAnUnknownSessionMakesNoFile) {
    const auto store = open();

    EXPECT_FALSE(store->partial("unknown"));

    EXPECT_TRUE(uploads().empty());
}

TEST_F(ArtifactFiles, SingleUploadsOfACrashedServerAreRemovedAtOpen) {
    in_a_process_that_dies([&] {
        const auto store = open();
        const auto writer = store->begin();
        writer->write("the server dies now");
        ::_exit(0);
    });
    ASSERT_EQ(uploads().size(), 1U);

    const auto store = open();

    EXPECT_TRUE(uploads().empty());
}

TEST_F(ArtifactFiles, PiecesOfACrashedServerAreGoneOnWith) {
    in_a_process_that_dies([&] {
        const auto store = open();
        const auto outcome = store->write_piece("s", 0, 14, "hello ");
        ::_exit(outcome.has_value() ? 0 : 1);
    });

    const auto store = open();

    ASSERT_TRUE(store->partial("s"));
    EXPECT_EQ(store->partial("s")->received_bytes, 6);
    const auto last = store->write_piece("s", 6, 14, "firmware");
    ASSERT_TRUE(last.has_value() && last->has_value());
    EXPECT_EQ((*last)->sha256, hello_sha256);
}

// What is remembered of the digests is of bytes that only we wrote.
TEST_F(ArtifactFiles, BytesThatSomebodyElseChangedAreNotTakenForThoseThatCame) {
    const auto store = open();
    store->write_piece("s", 0, 14, "jello ").value();
    for (const fs::path& file : uploads()) {
        if (file.extension() == ".part") {
            std::fstream(file, std::ios::in | std::ios::out | std::ios::binary) << 'h';
            // Older kernels tell the time of files in steps that this test is faster than.
            fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
        }
    }

    const auto last = store->write_piece("s", 6, 14, "firmware");

    ASSERT_TRUE(last.has_value() && last->has_value());
    EXPECT_EQ((*last)->sha256, hello_sha256);
}

// A power failure may cut the last entry of the journal short: its piece was not acknowledged, but
// all pieces before it were, and those that follow must not be glued to the torn entry.
TEST_F(ArtifactFiles, AJournalCutShortLosesItsLastPieceOnly) {
    const std::string bytes = "hello firmware";
    open()->write_piece("s", 0, 14, "hello ").value();
    const auto sizes_after_one = [&] {
        std::vector<std::uintmax_t> sizes;
        for (const fs::path& file : uploads()) {
            sizes.push_back(fs::file_size(file));
        }
        return sizes;
    }();
    open()->write_piece("s", 8, 14, "rm").value();
    const auto files = uploads();
    ASSERT_EQ(files.size(), 2U);
    // The journal is the file without the bytes of the upload.
    const std::size_t journal = files[0].extension() == ".part" || files[0].extension() == ".data";
    ASSERT_GT(fs::file_size(files[journal]), sizes_after_one[journal] + 1);
    fs::resize_file(files[journal], fs::file_size(files[journal]) - 1);

    const auto store = open();

    ASSERT_TRUE(store->partial("s"));
    EXPECT_EQ(store->partial("s")->received_bytes, 6);
    store->write_piece("s", 12, 14, "re").value();
    EXPECT_EQ(open()->partial("s")->received_bytes, 8);
    const auto last = open()->write_piece("s", 6, 14, "firmwa");
    ASSERT_TRUE(last.has_value() && last->has_value());
    EXPECT_EQ((*last)->sha256, hello_sha256);
}

// The journal alone proves nothing: bytes that were lost or taken away must be sent again.
TEST_F(ArtifactFiles, AJournalWithoutItsBytesCountsForNothing) {
    open()->write_piece("s", 0, 14, "hello ").value();
    for (const fs::path& file : uploads()) {
        if (file.extension() == ".part" || file.extension() == ".data") {
            fs::remove(file);
        }
    }
    const auto store = open();

    EXPECT_FALSE(store->partial("s"));
    EXPECT_FALSE(store->write_piece("s", 6, 14, "firmware").value().has_value());
    const auto last = store->write_piece("s", 0, 14, "hello ");
    ASSERT_TRUE(last.has_value() && last->has_value());
    EXPECT_EQ((*last)->sha256, hello_sha256);
}

TEST_F(ArtifactFiles, OldUploadsAreAbandonedByTheTimeOfTheirFiles) {
    const auto store = open();
    store->write_piece("s", 0, 14, "hello ").value();
    in_a_process_that_dies([&] {
        const auto writer = store->begin();
        writer->write("stray");
        ::_exit(0);
    });
    ASSERT_EQ(uploads().size(), 3U);
    age_uploads(std::chrono::hours(25));

    store->remove_abandoned(hours_ago(26));
    EXPECT_EQ(uploads().size(), 3U);

    store->remove_abandoned(hours_ago(24));
    EXPECT_TRUE(uploads().empty());
}

TEST_F(ArtifactFiles, BytesWithoutAJournalAreAbandonedToo) {
    const auto store = open();
    store->write_piece("s", 0, 14, "hello ").value();
    for (const fs::path& file : uploads()) {
        if (file.extension() != ".part" && file.extension() != ".data") {
            fs::remove(file);
        }
    }
    ASSERT_EQ(uploads().size(), 1U);
    age_uploads(std::chrono::hours(25));

    store->remove_abandoned(hours_ago(24));

    EXPECT_TRUE(uploads().empty());
}

TEST_F(ArtifactFiles, AFolderThatCannotBeMadeIsNamed) {
    fs::create_directories(folder_);
    std::ofstream(folder_ / "artifacts") << "in the way";

    try {
        const auto store = open();
        FAIL() << "opened";
    } catch (const StorageError& error) {
        EXPECT_EQ(error.cause(), StorageError::Cause::broken);
        EXPECT_NE(std::string(error.what()).find((folder_ / "artifacts").string()),
                  std::string::npos)
            << error.what();
    }
}

// The place of the artifact is taken by a folder: an error with path and reason, and no leftovers.
TEST_F(ArtifactFiles, AFailedFinishNamesThePathAndLeavesNoFile) {
    const auto store = open();
    fs::create_directories(folder_ / "artifacts" / "83" / hello_sha256 / "full");

    try {
        store_hello(*store);
        FAIL() << "stored";
    } catch (const StorageError& error) {
        EXPECT_EQ(error.cause(), StorageError::Cause::broken);
        const std::string what = error.what();
        EXPECT_NE(what.find(folder_.string()), std::string::npos) << what;
        EXPECT_NE(what.find("directory"), std::string::npos) << what;
    }
    EXPECT_TRUE(uploads().empty());
}

/// The folder on a file system of one MiB of its own.
class ArtifactFilesOnASmallDisk : public ArtifactFiles {
protected:
    void SetUp() override {
        fs::create_directories(folder_);
        if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=1m") != 0) {
            GTEST_SKIP() << "cannot mount a tmpfs here: " << std::strerror(errno);
        }
        mounted_ = true;
    }
    void TearDown() override {
        if (mounted_) {
            ::umount2(folder_.c_str(), MNT_DETACH);
        }
    }
    template <class Action>
    static void expect_disk_full(Action&& action) {
        try {
            action();
            FAIL() << "fitted";
        } catch (const StorageError& error) {
            EXPECT_EQ(error.cause(), StorageError::Cause::disk_full) << error.what();
        }
    }

    bool mounted_ = false;
};

TEST_F(ArtifactFilesOnASmallDisk, AFullDiskGivesTheRoomBackAtOnce) {
    const auto store = open();
    const auto writer = store->begin();
    const std::string chunk(64 * 1024, 'x');

    expect_disk_full([&] {
        for (int i = 0; i < 32; ++i) {
            writer->write(chunk);
        }
    });

    EXPECT_TRUE(uploads().empty());
    EXPECT_EQ(store_hello(*store), hello_sha256);
}

TEST_F(ArtifactFilesOnASmallDisk, AFullDiskEndsTheWholeUploadInPieces) {
    const auto store = open();
    const std::string piece(512 * 1024, 'x');
    const std::int64_t length = 8 * 512 * 1024;
    store->write_piece("s", 0, length, piece).value();

    expect_disk_full([&] {
        for (int i = 1; i < 4; ++i) {
            store->write_piece("s", i * std::int64_t{512 * 1024}, length, piece).value();
        }
    });

    EXPECT_TRUE(uploads().empty());
    EXPECT_FALSE(store->partial("s"));
    EXPECT_EQ(store_hello(*store), hello_sha256);
}

}  // namespace
}  // namespace updraft
