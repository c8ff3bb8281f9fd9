#include <cstdio>

#include "server/commands.hpp"
#include "server/config.hpp"
#include "server/wiring.hpp"

namespace updraft::server {

void add_reference(CLI::App& program, int& /*status*/) {
    CLI::App* routes = program.add_subcommand("routes", "Print every route of the REST API");
    routes->callback([] {
        for (const std::string& route : all_routes()) {
            std::printf("%s\n", route.c_str());
        }
    });
    CLI::App* sample = program.add_subcommand(
        "config", "Print a configuration file with every key and its default");
    sample->callback([] {
        Config config;
        Settings settings;
        bind(settings, config);
        std::fputs(settings.sample().c_str(), stdout);
    });
}

}  // namespace updraft::server
