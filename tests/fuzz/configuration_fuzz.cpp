// The configuration: a TOML file. What is taken says the same when it is written down and read
// again, and a value that a key cannot hold is refused instead of cut.
#include <fstream>
#include <sstream>

#include "server/config.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace updraft::fuzz {
namespace {

using server::Config;
using server::Settings;

struct Bound {
    Bound() { server::bind(settings, config); }
    Config config;
    Settings settings;

    /// All keys with what is in force now, by binding them anew.
    [[nodiscard]] std::string in_force() {
        Settings now;
        server::bind(now, config);
        std::string all;
        for (const server::Setting& setting : now.all()) {
            all += setting.key + "=" + setting.default_value + "\n";
        }
        return all;
    }
};

}  // namespace

UPDRAFT_FUZZ_TARGET(configuration) {
    Bound first;
    if (!first.settings.read_text(input, "fuzz.toml")) {
        return;
    }
    (void)server::check(first.config);
    (void)server::parse_listen("listen", first.config.listen);
    Bound second;
    UPDRAFT_ASSERT(second.settings.read_text(first.settings.given(), "given.toml").has_value());
    UPDRAFT_ASSERT(second.in_force() == first.in_force());
}

}  // namespace updraft::fuzz
