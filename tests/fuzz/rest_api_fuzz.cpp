// Every body, query and file that people send: requests of an administrator, one behind another,
// through the routes, the services and the real schema. Nothing is a mistake of ours (500), and the
// counters of tasks say what their records are.
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/support/whole_world.hpp"
#include "transport/http/rest/api.hpp"
#include "transport/http/rest/api_tokens.hpp"
#include "transport/http/rest/credentials.hpp"
#include "transport/http/rest/csv_files.hpp"
#include "transport/http/rest/devices.hpp"
#include "transport/http/rest/files.hpp"
#include "transport/http/rest/firmware.hpp"
#include "transport/http/rest/insights.hpp"
#include "transport/http/rest/overview.hpp"
#include "transport/http/rest/products.hpp"
#include "transport/http/rest/protocols.hpp"
#include "transport/http/rest/records.hpp"
#include "transport/http/rest/system.hpp"
#include "transport/http/rest/tasks.hpp"
#include "transport/http/rest/users.hpp"

namespace updraft::fuzz {
namespace {

constexpr std::string_view password = "correct horse";

struct ApiWorld : WholeWorld {
    rest::Api api{router, access, clock, {}};
    std::string token;

    ApiWorld() : WholeWorld(UpgradeMode::push) {
        rest::user_routes(api, *store, users);
        rest::api_token_routes(api, api_tokens);
        rest::system_routes(api, system, "9.9.9");
        rest::protocol_routes(api, *store, protocols);
        rest::product_routes(api, *store, products);
        rest::device_routes(api, *store, devices);
        rest::credential_routes(api, credentials);
        rest::csv_routes(api, *store, imports);
        rest::file_routes(api, files);
        rest::firmware_routes(api, *store, firmwares);
        rest::task_routes(api, *store, tasks);
        rest::record_routes(api, *store, records);
        rest::overview_routes(api, overview);
        rest::insight_routes(api, *store);
        UPDRAFT_ASSERT(access.start(std::string(password)).has_value());
        const auto signed_in = access.sign_in({"admin", std::string(password), "", -1, "a"});
        UPDRAFT_ASSERT(signed_in.has_value());
        token = signed_in->token;
    }
};

/// What costs more than an input may: a password is hashed for 100 ms, and a file in pieces is as
/// long as its first piece says.
bool is_expensive(const http::Request& request) {
    return request.body.contains("password") || request.path.contains("sharding") ||
           request.query_value("length") || request.path.contains("/message");
}

}  // namespace

UPDRAFT_FUZZ_TARGET(rest_api) {
    static ApiWorld world;
    world.tried([&] {
        const std::string bytes = world.with_names(input);
        for (http::Request& request : requests_in(bytes)) {
            if (is_expensive(request)) {
                continue;
            }
            request.headers.emplace_back("X-Access-Token", world.token);
            if (const auto answer = asked(world.router, std::move(request))) {
                require_sound(*answer);
            }
        }
        require_rules_of_records(*world.store);
    });
}

}  // namespace updraft::fuzz
