// The manifest of a backup comes from outside: what it names becomes paths.

#include "server/backup_manifest.hpp"

#include <gtest/gtest.h>

#include <string>

namespace updraft::server {
namespace {

BackupManifest a_manifest() {
    BackupManifest manifest;
    manifest.version = "1.2.3";
    manifest.schema_version = 6;
    manifest.installation = "0123abcd";
    manifest.created_at = from_millis(1'760'000'000'123);
    manifest.database = {std::string(64, 'd'), 4096};
    manifest.settings = {std::string(64, 'e'), 0};
    manifest.rows = {{"device", 3}, {"upgrade_record", 5'000'000'000}};
    manifest.artifacts = {{std::string(64, 'a'), 14}, {std::string(64, 'b'), 5'000'000'000}};
    manifest.lost = {{std::string(64, 'c'), "damaged"}};
    return manifest;
}

std::string replaced(std::string text, const std::string& old, const std::string& by) {
    const std::size_t at = text.find(old);
    EXPECT_NE(at, std::string::npos) << old;
    return text.replace(at, old.size(), by);
}

TEST(BackupManifest, WhatIsWrittenIsRead) {
    const BackupManifest manifest = a_manifest();

    const auto read = BackupManifest::parse(manifest.to_json());

    ASSERT_TRUE(read) << read.error().message.en;
    EXPECT_EQ(*read, manifest);
    EXPECT_EQ(read->artifact_bytes(), 5'000'000'014);
    EXPECT_EQ(read->rows_of("device"), 3);
    EXPECT_EQ(read->rows_of("unknown"), 0);
}

TEST(BackupManifest, SaysWhereTheKeyIs) {
    using enum BackupManifest::KeyPlace;
    for (const auto place : {none, here, left_out, outside}) {
        BackupManifest manifest = a_manifest();
        manifest.key_place = place;
        manifest.key_ids = {"0123456789abcdef"};
        if (place == here) {
            manifest.key = {std::string(64, 'f'), 65};
        }
        const auto read = BackupManifest::parse(manifest.to_json());
        ASSERT_TRUE(read) << read.error().message.en;
        EXPECT_EQ(*read, manifest);
    }
}

TEST(BackupManifest, ANameThatIsNoDigestIsRefused) {
    const std::string json = a_manifest().to_json();
    for (const std::string& name : {std::string("../../../etc/passwd"), std::string(64, 'A'),
                                    std::string(63, 'a'), std::string()}) {
        const auto read = BackupManifest::parse(replaced(json, std::string(64, 'a'), name));

        ASSERT_FALSE(read) << name;
        EXPECT_EQ(read.error().code, ErrorCode::malformed);
    }
}

TEST(BackupManifest, SizesThatCannotBeAreRefused) {
    const std::string json = a_manifest().to_json();
    for (const std::string size : {"-14", "9223372036854775807", "1e30"}) {
        const auto read = BackupManifest::parse(replaced(json, ":14}", ":" + size + "}"));
        ASSERT_FALSE(read) << size;
        EXPECT_EQ(read.error().code, ErrorCode::malformed);
    }
    EXPECT_EQ(a_manifest().artifact_bytes(), 5'000'000'014);
}

// Restoring counts all files twice: once as they are checked, once as they are copied.
TEST(BackupManifest, SizesThatTogetherAreNoNumberAreRefused) {
    BackupManifest manifest = a_manifest();
    manifest.database.size_bytes = std::int64_t{1} << 60;
    EXPECT_TRUE(BackupManifest::parse(manifest.to_json()));
    manifest.artifacts.front().size_bytes = std::int64_t{1} << 60;
    EXPECT_FALSE(BackupManifest::parse(manifest.to_json()));
    manifest = a_manifest();
    manifest.database.size_bytes = std::int64_t{1} << 62;
    EXPECT_FALSE(BackupManifest::parse(manifest.to_json()));
}

TEST(BackupManifest, OneThatWasCutShortIsRefused) {
    const std::string json = a_manifest().to_json();
    for (std::size_t length = 0; length < json.size() - 2; length += 7) {
        EXPECT_FALSE(BackupManifest::parse(json.substr(0, length))) << length;
    }
    EXPECT_FALSE(BackupManifest::parse("{}"));
    EXPECT_FALSE(BackupManifest::parse("[]"));
}

TEST(BackupManifest, ANewerFormatSaysSo) {
    const auto read =
        BackupManifest::parse(replaced(a_manifest().to_json(), "\"format\":1", "\"format\":2"));

    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::conflict);
    EXPECT_NE(read.error().message.en.find("newer Updraft"), std::string::npos);
}

}  // namespace
}  // namespace updraft::server
