#include "app/missing_digests.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/ids.hpp"
#include "storage/artifacts/artifact_files.hpp"
#include "tests/support/memory_store.hpp"

namespace updraft {
namespace {

struct MissingDigestsTest : testing::Test {
    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("updraft-digests-" + random_hex(8));
    std::unique_ptr<ArtifactStore> artifacts = open_artifact_files(folder.string());
    std::unique_ptr<Store> store = open_memory_store();
    MissingDigests digests{*store, *artifacts, {.step_bytes = 4'096, .unreadable_max = 2}};

    void TearDown() override {
        artifacts.reset();
        std::filesystem::remove_all(folder);
    }
    /// A file as it was stored before its SHA-1 was kept; answers what that would have been.
    std::string add_old(const std::string& id, const std::string& bytes) {
        auto writer = artifacts->begin();
        writer->write(bytes);
        const ArtifactDigests made = writer->finish();
        StoredFile file;
        file.id = FileId{id};
        file.size_bytes = made.size_bytes;
        file.md5 = made.md5;
        file.sha256 = made.sha256;
        put([&](UnitOfWork& work) { work.files().add(file); });
        return made.sha1;
    }
    void put(const std::function<void(UnitOfWork&)>& change) {
        ASSERT_TRUE(store->write([&](UnitOfWork& work) -> Result<void> {
            change(work);
            return {};
        }));
    }
    [[nodiscard]] StoredFile file(const std::string& id) const {
        return store->read(
            [&](const Repositories& rows) { return *rows.files().find(FileId{id}); });
    }
    int steps_to_the_end() {
        int steps = 0;
        while (digests.step()) {
            ++steps;
        }
        return steps;
    }
};

TEST_F(MissingDigestsTest, EachFileGetsItsOwnInPieces) {
    const std::string large = add_old("a", std::string(10'000, 'x'));
    const std::string small = add_old("b", "hello firmware");
    const std::string empty = add_old("c", "");

    EXPECT_GE(steps_to_the_end(), 5);

    EXPECT_EQ(file("a").sha1, large);
    EXPECT_EQ(file("b").sha1, small);
    EXPECT_EQ(file("c").sha1, empty);
    EXPECT_EQ(small.size(), 40U);
    EXPECT_EQ(steps_to_the_end(), 0);
}

// One damaged file must not keep the others from theirs, nor the step from ending.
TEST_F(MissingDigestsTest, AFileWithoutItsBytesIsPassedOver) {
    (void)add_old("a", "lost bytes");
    (void)add_old("b", "cut bytes");
    const std::string good = add_old("c", "hello firmware");
    artifacts->remove(file("a").sha256);
    put([&](UnitOfWork& work) {
        StoredFile cut = file("b");
        cut.size_bytes += 1;
        work.files().update(cut);
    });
    MissingDigests patient(*store, *artifacts, {});

    while (patient.step()) {
    }

    EXPECT_EQ(file("a").sha1, "");
    EXPECT_EQ(file("b").sha1, "");
    EXPECT_EQ(file("c").sha1, good);
}

TEST_F(MissingDigestsTest, ItGivesUpWhenTooMuchIsMissing) {
    for (const char* id : {"a", "b", "c", "d"}) {
        (void)add_old(id, id);
        artifacts->remove(file(id).sha256);
    }

    EXPECT_LE(steps_to_the_end(), 2);
}

// New bytes came while the old ones were read: the old digest is not theirs.
TEST_F(MissingDigestsTest, AFileThatIsReplacedMeanwhileIsLeftAlone) {
    (void)add_old("a", std::string(10'000, 'x'));
    ASSERT_TRUE(digests.step());
    put([&](UnitOfWork& work) {
        StoredFile replaced = *work.files().find(FileId{"a"});
        replaced.sha256 = std::string(64, '0');
        replaced.sha1 = "known";
        work.files().update(replaced);
    });

    (void)steps_to_the_end();

    EXPECT_EQ(file("a").sha1, "known");
}

}  // namespace
}  // namespace updraft
