// updraft: the server, its demo, its simulator and the operators' command line as one program.

#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>

#include "cli/cli.hpp"
#include "cli/exit_status.hpp"
#include "scripting/worker.hpp"
#include "server/commands.hpp"
#include "server/version.hpp"

int main(int argc, char** argv) {
    // Hidden: what the server starts for each protocol package that is a script.
    if (argc == 2 && std::strcmp(argv[1], updraft::scripting::worker_command) == 0) {
        return updraft::scripting::worker_main();
    }
    // A peer that hangs up while a file is being sent must not end the process (sendfile has no
    // flag).
    std::signal(SIGPIPE, SIG_IGN);

    int status = 0;
    CLI::App program{"Updraft: firmware upgrades for fleets of devices / 物联网设备远程升级服务器"};
    program.name("updraft");
    program.set_version_flag("--version", std::string("updraft ") + updraft::server::version);
    program.require_subcommand(1);
    const updraft::Language language = updraft::cli::help_language(argc, argv);
    updraft::server::add_serve(program, status);
    updraft::server::add_demo(program, status);
    updraft::server::add_simulate(program, status);
    updraft::server::add_reference(program, status);
    updraft::server::add_backup(program, status, language);
    updraft::server::add_doctor(program, status, language);
    updraft::server::add_secrets(program, status, language);
    updraft::cli::add_operator_commands(program, status, language);
    updraft::server::add_audit(program, status, language);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0) {
            return program.exit(error);  // --help and --version are no mistakes
        }
        updraft::cli::explain_usage(program, error, argc, argv, language);
        return static_cast<int>(updraft::cli::ExitStatus::usage);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "updraft: %s\n", error.what());
        return 1;
    }
    return status;
}
