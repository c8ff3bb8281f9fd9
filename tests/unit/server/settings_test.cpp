#include "server/settings.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/ids.hpp"
#include "server/config.hpp"

namespace updraft::server {
namespace {

using std::chrono::milliseconds;

/// A table of four keys, one of each kind.
struct Bound {
    std::string name = "here";
    bool on = false;
    std::int64_t bytes = 4096;
    std::chrono::seconds wait{30};
    Settings settings;

    Bound() {
        settings.bind("name", name, "a text");
        settings.bind("http.on", on, "a switch");
        settings.bind("http.bytes_max", bytes, "a size");
        settings.bind("http.wait", wait, "a time");
    }
};

/// A TOML file that is removed at the end.
class File {
public:
    explicit File(const std::string& text)
        : path_(std::filesystem::temp_directory_path() / ("settings-" + random_hex(8) + ".toml")) {
        std::ofstream(path_) << text;
    }
    ~File() { std::filesystem::remove(path_); }
    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

TEST(Settings, AKeyHasOneNameInFileFlagAndEnvironment) {
    const Bound bound;
    const Setting& setting = bound.settings.all()[2];

    EXPECT_EQ(setting.key, "http.bytes_max");
    EXPECT_EQ(setting.flag(), "--http-bytes-max");
    EXPECT_EQ(setting.variable(), "UPDRAFT_HTTP_BYTES_MAX");
    EXPECT_EQ(setting.default_value, "4096");
}

TEST(Settings, SizesAndTimesTakeUnits) {
    Bound bound;

    EXPECT_TRUE(bound.settings.assign("http.bytes_max", "64MiB"));
    EXPECT_EQ(bound.bytes, 64 << 20);
    EXPECT_TRUE(bound.settings.assign("http.wait", "10min"));
    EXPECT_EQ(bound.wait, std::chrono::minutes(10));
    EXPECT_TRUE(bound.settings.assign("http.wait", "45"));
    EXPECT_EQ(bound.wait, std::chrono::seconds(45)) << "a bare number is of the member's own unit";
}

// An operator who mistypes a limit must not run without it.
TEST(Settings, AnUnknownKeyIsRefusedWithTheOneItResembles) {
    Bound bound;

    const auto refused = bound.settings.assign("http.byte_max", "1");

    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.en,
              "unknown setting http.byte_max; did you mean http.bytes_max?");
}

TEST(Settings, AWrongValueIsNamedWithWhatWouldBeRight) {
    Bound bound;

    EXPECT_EQ(bound.settings.assign("http.on", "yes").error().message.en,
              "setting http.on cannot be \"yes\": say true or false");
    EXPECT_EQ(bound.settings.assign("http.on", "yes").error().message.zh,
              "配置项 http.on 的值 \"yes\" 无效: true 或 false");
    EXPECT_FALSE(bound.settings.assign("http.bytes_max", "4 KB"));
    EXPECT_FALSE(bound.settings.assign("http.bytes_max", "-1"));
    EXPECT_FALSE(bound.settings.assign("http.bytes_max", "99999999999GiB"));
    EXPECT_FALSE(bound.settings.assign("http.wait", "3 weeks"));
    EXPECT_EQ(bound.bytes, 4096) << "a refused value changes nothing";
}

TEST(Settings, AFileSetsNestedTables) {
    Bound bound;
    const File file("name = \"there\"\n[http]\non = true\nbytes_max = \"1KiB\"\nwait = 5\n");

    ASSERT_TRUE(bound.settings.read_file(file.path()));

    EXPECT_EQ(bound.name, "there");
    EXPECT_TRUE(bound.on);
    EXPECT_EQ(bound.bytes, 1024);
    EXPECT_EQ(bound.wait, std::chrono::seconds(5));
}

TEST(Settings, AFileThatIsNoTomlIsRefusedWithItsLine) {
    Bound bound;
    const File file("name = \"there\"\nhttp = [\n");

    const auto refused = bound.settings.read_file(file.path());

    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.en.find("line "), std::string::npos);
}

TEST(Settings, TheEnvironmentSetsKeysAndRefusesUnknownOnes) {
    Bound bound;
    const char* good[] = {"PATH=/bin", "UPDRAFT_HTTP_WAIT=7s", "UPDRAFT_ADMIN_PASSWORD=x", nullptr};
    const char* bad[] = {"UPDRAFT_HTTP_WAITS=7s", nullptr};

    EXPECT_TRUE(bound.settings.read_environment(good, {"UPDRAFT_ADMIN_PASSWORD"}));
    EXPECT_EQ(bound.wait, std::chrono::seconds(7));
    const auto refused = bound.settings.read_environment(bad, {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message.en,
              "unknown variable UPDRAFT_HTTP_WAITS; did you mean UPDRAFT_HTTP_WAIT?");
}
// A backup keeps the settings; a password or a token is nobody's but the operator's.
TEST(Settings, WhatWasGivenCanBeGivenAgainWithoutSecrets) {
    Bound bound;
    std::string secret;
    bound.settings.bind("mail.password", secret, "a secret");
    ASSERT_TRUE(bound.settings.assign("name", "with \"quotes\" and\nlines"));
    ASSERT_TRUE(bound.settings.assign("http.bytes_max", "1MiB"));
    ASSERT_TRUE(bound.settings.assign("mail.password", "hunter2"));
    ASSERT_FALSE(bound.settings.assign("http.on", "perhaps"));

    const std::string given = bound.settings.given();

    const File file(given);
    Bound again;
    ASSERT_TRUE(again.settings.read_file(file.path())) << given;
    EXPECT_EQ(again.name, "with \"quotes\" and\nlines");
    EXPECT_EQ(again.bytes, 1 << 20);
    EXPECT_EQ(given.find("hunter2"), std::string::npos);
    EXPECT_EQ(given.find("http.on"), std::string::npos);
}

// ddi.target_token = false was taken for a secret, so that a restored server let
// in what the operator had shut out.
TEST(Settings, ASwitchIsNoSecretWhateverItsName) {
    Config config;
    Settings settings;
    bind(settings, config);
    ASSERT_TRUE(settings.assign("ddi.target_token", "false"));
    EXPECT_EQ(settings.given(), "ddi.target_token = 'false'\n");
}

// node = 65543 was node 7, and 2^40 days overflowed.
TEST(Settings, AValueThatItsKeyCannotHoldIsRefusedAndNotCut) {
    Config config;
    Settings settings;
    bind(settings, config);
    const auto node = settings.assign("node", "65543");
    ASSERT_FALSE(node);
    EXPECT_TRUE(node.error().message.en.ends_with("it is at most 65535"))
        << node.error().message.en;
    EXPECT_EQ(config.node, 0);
    EXPECT_FALSE(settings.assign("stop_grace", "1099511627776d"));
    EXPECT_FALSE(settings.assign("stop_grace", "36501d"));
    ASSERT_TRUE(settings.assign("stop_grace", "36500d"));
    EXPECT_EQ(config.stop_grace, std::chrono::hours{24 * 36'500});
}

// What `updraft config` prints is a file that the server takes once its comments are removed.
TEST(Settings, TheSampleOfTheRealConfigurationIsValid) {
    Config config;
    Settings settings;
    bind(settings, config);
    std::string text;
    std::istringstream sample(settings.sample());
    for (std::string line; std::getline(sample, line);) {
        const bool is_key = line.starts_with("# ") && line.find(" = ") != std::string::npos;
        text += (is_key ? line.substr(2) : line) + "\n";
    }
    const File file(text);

    const auto read = settings.read_file(file.path());

    EXPECT_TRUE(read) << read.error().message.en;
}

TEST(Config, NoKeyIsBoundTwice) {
    Config config;
    Settings settings;
    bind(settings, config);
    std::set<std::string> seen;
    for (const Setting& setting : settings.all()) {
        EXPECT_TRUE(seen.insert(setting.key).second) << setting.key;
        EXPECT_FALSE(setting.help.empty()) << setting.key;
    }
}

TEST(Config, ListenAddressesAreHostAndPort) {
    EXPECT_EQ(parse_listen("listen", "0.0.0.0:8848")->port, 8848);
    EXPECT_EQ(parse_listen("listen", "[::1]:0")->host, "::1");
    for (const char* wrong : {"8848", "host:", ":1", "host:70000", "host:12x", ""}) {
        EXPECT_FALSE(parse_listen("listen", wrong)) << wrong;
    }
}

TEST(Config, TlsAddressesNeedACertificate) {
    Config config;
    EXPECT_TRUE(check(config));
    config.mqtts_listen = "127.0.0.1:8883";
    EXPECT_FALSE(check(config));
    config.tls_certificate = "cert.pem";
    config.tls_key = "key.pem";
    EXPECT_TRUE(check(config));
}

}  // namespace
}  // namespace updraft::server
