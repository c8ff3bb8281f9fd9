// updraft: the server, its demo and its simulator as one program.

#include <csignal>
#include <cstdio>
#include <exception>

#include "server/commands.hpp"
#include "server/version.hpp"

int main(int argc, char** argv) {
    // A peer that hangs up while a file is being sent must not end the process (sendfile has no
    // flag).
    std::signal(SIGPIPE, SIG_IGN);

    int status = 0;
    CLI::App program{"Updraft: firmware upgrades for fleets of devices / 物联网设备远程升级服务器"};
    program.set_version_flag("--version", std::string("updraft ") + updraft::server::version);
    program.require_subcommand(1);
    updraft::server::add_serve(program, status);
    updraft::server::add_demo(program, status);
    updraft::server::add_simulate(program, status);
    updraft::server::add_reference(program, status);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return program.exit(error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return 1;
    }
    return status;
}
