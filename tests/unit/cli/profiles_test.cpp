#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "cli/context.hpp"
#include "cli/profiles.hpp"

namespace updraft::cli {
namespace {

namespace fs = std::filesystem;

/// A folder that is removed at the end.
class Folder {
public:
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "updraft-cli-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] fs::path file() const { return path_ / "updraft" / "profiles.toml"; }

private:
    fs::path path_;
};

Profiles two_profiles() {
    Profiles profiles("unused");
    profiles.put({"staging", "http://stage:1", "ann", "stage-token", ""});
    profiles.put({"production", "https://ota", "bob", "ota-token", "/ca.pem"});
    EXPECT_TRUE(profiles.use("production"));
    return profiles;
}

TEST(Profiles, ComeBackAsTheyWereSavedAndForNobodyElse) {
    const Folder folder;
    auto profiles = Profiles::load(folder.file());
    ASSERT_TRUE(profiles);
    const Profile odd{"a.b", "http://h:1", "o'brien \"x\"", "t", "/path with space/ca.pem"};
    profiles->put(odd);
    ASSERT_TRUE(profiles->use("a.b"));

    ASSERT_TRUE(profiles->save());

    const auto again = Profiles::load(folder.file());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->all(), std::vector{odd});
    EXPECT_EQ(again->current(), "a.b");
    EXPECT_EQ(fs::status(folder.file()).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
}

TEST(Profiles, ABrokenFileIsNamedWithItsLine) {
    const Folder folder;
    fs::create_directories(folder.file().parent_path());
    std::ofstream(folder.file()) << "current = 'x'\nnonsense\n";

    const auto profiles = Profiles::load(folder.file());

    ASSERT_FALSE(profiles);
    EXPECT_NE(profiles.error().message.en.find("profiles.toml line 2"), std::string::npos);
}

TEST(Profiles, WithoutItsProfileNothingIsInUse) {
    Profiles profiles = two_profiles();

    EXPECT_TRUE(profiles.remove("production"));
    EXPECT_FALSE(profiles.remove("production"));

    EXPECT_EQ(profiles.current(), "");
    EXPECT_FALSE(profiles.use("production"));
}

TEST(Resolve, TakesTheProfileInUse) {
    EXPECT_EQ(*resolve({}, {}, two_profiles()), (Target{"https://ota", "ota-token", "/ca.pem"}));
}

TEST(Resolve, TheEnvironmentBeatsTheFileAndAFlagBeatsBoth) {
    const Profiles profiles = two_profiles();
    const Environment by_profile{.server = {}, .token = {}, .profile = "staging"};
    const Environment by_server{.server = "http://else:2", .token = "t", .profile = {}};
    CommonFlags flag;
    flag.profile = "production";

    EXPECT_EQ(resolve({}, by_profile, profiles)->token, "stage-token");
    EXPECT_EQ(*resolve({}, by_server, profiles), (Target{"http://else:2", "t", ""}));
    EXPECT_EQ(resolve(flag, by_profile, profiles)->token, "ota-token");
    EXPECT_EQ(resolve({}, {.server = {}, .token = "mine", .profile = {}}, profiles)->token, "mine");
}

// The token of one server must not be told to another.
TEST(Resolve, ATokenStaysWithItsServer) {
    const Profiles profiles = two_profiles();
    CommonFlags elsewhere;
    elsewhere.server = "http://evil";
    CommonFlags production;
    production.profile = "production";
    CommonFlags known;
    known.server = "http://stage:1/";

    EXPECT_EQ(resolve(elsewhere, {}, profiles)->token, "");
    EXPECT_EQ(resolve({}, {.server = "http://evil", .token = {}, .profile = {}}, profiles)->token,
              "");
    EXPECT_EQ(
        resolve(production, {.server = "http://x", .token = "t", .profile = {}}, profiles)->token,
        "ota-token");
    EXPECT_EQ(resolve(known, {}, profiles)->token, "stage-token");
}

TEST(Resolve, SaysWhatIsMissing) {
    CommonFlags unknown;
    unknown.profile = "nowhere";

    EXPECT_EQ(resolve(unknown, {}, two_profiles()).error().code, ErrorCode::not_found);
    EXPECT_EQ(resolve({}, {}, Profiles("none")).error().code, ErrorCode::unauthorized);
}

TEST(NormalServer, TakesAddressesAsPeopleTypeThem) {
    EXPECT_EQ(*normal_server("ota.example.com/"), "https://ota.example.com");
    EXPECT_EQ(*normal_server("127.0.0.1:8848"), "http://127.0.0.1:8848");
    EXPECT_EQ(*normal_server("http://h:1/console/#/task/3"), "http://h:1");
    EXPECT_EQ(*normal_server("https://h/updraft/"), "https://h/updraft");
    EXPECT_FALSE(normal_server("ftp://h"));
    EXPECT_FALSE(normal_server(""));
    EXPECT_EQ(profile_name_of("https://ota.example.com:8443/x"), "ota.example.com-8443");
}

TEST(ChosenLanguage, FollowsFlagThenEnvironment) {
    ::unsetenv("LC_ALL");
    ::unsetenv("LC_MESSAGES");
    ::setenv("LANG", "zh_CN.UTF-8", 1);
    EXPECT_EQ(chosen_language(""), Language::zh);
    EXPECT_EQ(chosen_language("en"), Language::en);
    ::setenv("LC_ALL", "C", 1);
    EXPECT_EQ(chosen_language(""), Language::en);
    ::unsetenv("LC_ALL");
    ::unsetenv("LANG");
    EXPECT_EQ(chosen_language(""), Language::en);
}

}  // namespace
}  // namespace updraft::cli
