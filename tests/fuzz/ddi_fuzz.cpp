// What hawkBit's devices send: requests of d1, one behind another, through the routes, the service
// and the real schema. Beside what holds of every answer: the records keep their rules, and a
// task's counters say what its records are.
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/support/whole_world.hpp"
#include "transport/http/ddi/routes.hpp"

namespace updraft::fuzz {
namespace {

struct DdiWorld : WholeWorld {
    DdiWorld() : WholeWorld(UpgradeMode::push) {
        http::ddi::Options options;
        options.trusted_proxies = "192.0.2.0/24";
        http::ddi::add_routes(router, {ddi, sign_in, {}}, options);
    }
};

}  // namespace

UPDRAFT_FUZZ_TARGET(ddi) {
    static DdiWorld world;
    world.tried([&] {
        const std::string bytes = world.with_names(input);
        for (http::Request& request : requests_in(bytes)) {
            if (!request.header("Authorization")) {
                request.headers.emplace_back("Authorization", "TargetToken secret-token-of-d1");
            }
            if (const auto answer = asked(world.router, std::move(request))) {
                require_sound(*answer);
            }
        }
        require_rules_of_records(*world.store);
    });
}

}  // namespace updraft::fuzz
