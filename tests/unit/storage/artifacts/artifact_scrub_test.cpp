// The scrub on real files: what it finds, what it leaves alone, and where it goes on.

#include "storage/artifacts/artifact_scrub.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "storage/artifacts/artifact_files.hpp"

namespace updraft {
namespace {

namespace fs = std::filesystem;

class MovedClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return now_; }
    void go(seconds time) { now_ += time; }

private:
    Instant now_ = from_millis(1'760'000'000'000);
};

class Scrub : public testing::Test {
protected:
    Scrub() : folder_(fs::path(testing::TempDir()) / random_hex(16)) {
        store_ = open_artifact_files(folder_.string());
    }
    ~Scrub() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

    std::string upload(std::string_view bytes) {
        const auto writer = store_->begin();
        writer->write(bytes);
        return writer->finish().sha256;
    }
    [[nodiscard]] fs::path file_of(const std::string& sha256) const {
        return folder_ / "artifacts" / sha256.substr(0, 2) / sha256;
    }
    /// Changes one bit in the middle, as a disk does: neither size nor time tell.
    void flip(const fs::path& file) const {
        const auto time = fs::last_write_time(file);
        std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
        const auto middle = static_cast<std::streamoff>(fs::file_size(file) / 2);
        bytes.seekg(middle);
        const int byte = bytes.get();
        bytes.seekp(middle);
        bytes.put(static_cast<char>(byte ^ 1));
        bytes.close();
        fs::last_write_time(file, time);
    }
    [[nodiscard]] ArtifactScrub scrub() const { return {folder_.string(), clock_, {}}; }
    static void as_fast_as_it_can(std::size_t) {}

    const fs::path folder_;
    std::unique_ptr<ArtifactStore> store_;
    MovedClock clock_;
};

TEST_F(Scrub, WhatMatchesStays) {
    const std::string artifact = upload(std::string(3 << 20, 'a') + "an odd end");
    auto scrubber = scrub();

    scrubber.run_pass(as_fast_as_it_can);

    EXPECT_TRUE(store_->path_of(artifact));
    EXPECT_EQ(scrubber.damaged(), 0U);
    EXPECT_EQ(scrubber.counters().artifacts, 1);
    EXPECT_EQ(scrubber.counters().bytes, (3 << 20) + 10);
}

TEST_F(Scrub, AFlippedBitIsFoundAndNeverServedAgain) {
    const std::string sound = upload("sound");
    const std::string artifact = upload(std::string(3 << 20, 'a'));
    flip(file_of(artifact));
    auto scrubber = scrub();

    scrubber.run_pass(as_fast_as_it_can);

    EXPECT_FALSE(store_->path_of(artifact));
    EXPECT_TRUE(store_->path_of(sound));
    EXPECT_EQ(scrubber.damaged(), 1U);
    EXPECT_EQ(scrubber.counters().found_damaged, 1);
    EXPECT_TRUE(fs::exists(folder_ / "damaged" / artifact)) << "kept for whoever wants to look";
    // Also for those who open the folder later.
    EXPECT_FALSE(open_artifact_files(folder_.string())->path_of(artifact));
    EXPECT_EQ(scrub().damaged(), 1U);
}

TEST_F(Scrub, AMissingEndIsDamageToo) {
    const std::string artifact = upload("hello firmware");
    fs::resize_file(file_of(artifact), 3);
    auto scrubber = scrub();

    scrubber.run_pass(as_fast_as_it_can);

    EXPECT_EQ(scrubber.damaged(), 1U);
}

TEST_F(Scrub, AnUploadOfTheSameBytesHeals) {
    const std::string artifact = upload("hello firmware");
    flip(file_of(artifact));
    auto scrubber = scrub();
    scrubber.run_pass(as_fast_as_it_can);

    ASSERT_EQ(upload("hello firmware"), artifact);

    EXPECT_TRUE(store_->path_of(artifact));
    EXPECT_EQ(scrubber.damaged(), 0U);
    EXPECT_FALSE(fs::exists(folder_ / "damaged" / artifact));
}

// Nobody knows of the damage yet, but a device has complained and its operator uploads again.
TEST_F(Scrub, AnUploadHealsWhatNoScrubHasFound) {
    const std::string artifact = upload("hello firmware");
    flip(file_of(artifact));

    ASSERT_EQ(upload("hello firmware"), artifact);

    auto scrubber = scrub();
    scrubber.run_pass(as_fast_as_it_can);
    EXPECT_EQ(scrubber.damaged(), 0U);
}

TEST_F(Scrub, WhatReadsWellAgainIsPutBack) {
    const std::string artifact = upload("hello firmware");
    flip(file_of(artifact));
    auto scrubber = scrub();
    scrubber.run_pass(as_fast_as_it_can);
    flip(folder_ / "damaged" / artifact);

    scrubber.run_pass(as_fast_as_it_can);

    EXPECT_TRUE(store_->path_of(artifact));
    EXPECT_EQ(scrubber.damaged(), 0U);
}

// Between reading the old bytes and setting them aside comes an upload of the right ones.
TEST_F(Scrub, AnUploadDuringTheReadingIsNotSetAside) {
    const std::string artifact = upload("hello firmware");
    flip(file_of(artifact));
    auto scrubber = scrub();
    int reads = 0;

    scrubber.run_pass([&](std::size_t) {
        if (++reads == 2) {
            upload("hello firmware");
        }
    });

    EXPECT_TRUE(store_->path_of(artifact));
    EXPECT_EQ(scrubber.damaged(), 0U);
}

TEST_F(Scrub, ADamagedArtifactOfNoFileCanBeCollected) {
    const std::string artifact = upload("hello firmware");
    flip(file_of(artifact));
    auto scrubber = scrub();
    scrubber.run_pass(as_fast_as_it_can);
    std::vector<std::string> told;

    store_->each([&](const std::string& sha256, Instant) {
        told.push_back(sha256);
        return true;
    });
    store_->remove(artifact);

    EXPECT_EQ(told, std::vector{artifact});
    EXPECT_EQ(scrubber.damaged(), 0U);
}

TEST_F(Scrub, APassThatWasCutShortGoesOnWhereItWas) {
    for (int number = 0; number < 20; ++number) {
        upload(std::to_string(number));
    }
    int reads = 0;
    const auto cut_short = [&](std::size_t) {
        if (++reads == 8) {
            throw std::runtime_error("the server stops");
        }
    };
    EXPECT_THROW(scrub().run_pass(cut_short), std::runtime_error);
    auto second = scrub();
    EXPECT_EQ(second.next_pass_at(), clock_.now());

    second.run_pass(as_fast_as_it_can);

    EXPECT_EQ(second.counters().artifacts, 20 - 7);
}

TEST_F(Scrub, TheNextPassIsDueBeforeThePeriodIsOver) {
    upload("hello firmware");
    auto scrubber = scrub();
    EXPECT_LE(scrubber.next_pass_at(), clock_.now()) << "never read before";
    const Instant begin = clock_.now();

    scrubber.run_pass([&](std::size_t) { clock_.go(seconds(3600)); });

    const Instant due = begin + std::chrono::days(7) - seconds(3600);
    EXPECT_EQ(scrubber.next_pass_at(), due);
    EXPECT_EQ(scrub().next_pass_at(), due) << "also after a restart";
    clock_.go(-seconds(365 * 24 * 3600));
    EXPECT_EQ(scrubber.next_pass_at(), clock_.now()) << "a clock that was set back";
}

}  // namespace
}  // namespace updraft
