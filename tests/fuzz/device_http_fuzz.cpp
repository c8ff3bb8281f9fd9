// What devices send over plain HTTPS and over JetLinks' HTTP: requests of d1, one behind another,
// through the routes, the codec, the services and the real schema. Beside what holds of every
// answer: the records keep their rules, and a task's counters say what its records are.
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/support/whole_world.hpp"
#include "transport/http/devices/jetlinks_http.hpp"
#include "transport/http/devices/plain_https.hpp"

namespace updraft::fuzz {
namespace {

struct DeviceWorld : WholeWorld {
    DeviceWorld() : WholeWorld(UpgradeMode::pull) {
        const device_http::DeviceHttpServices services{sign_in, dialects, messages, presence};
        device_http::jetlinks_http_routes(router, services, {});
        device_http::plain_https_routes(router, {services, *store, files, urls, clock}, {});
    }
};

}  // namespace

UPDRAFT_FUZZ_TARGET(device_http) {
    static DeviceWorld world;
    world.tried([&] {
        const std::string bytes = world.with_names(input);
        for (http::Request& request : requests_in(bytes)) {
            if (!request.header("Authorization")) {
                request.headers.emplace_back("Authorization", "Bearer secret-token-of-d1");
            }
            if (const auto answer = asked(world.router, std::move(request))) {
                require_sound(*answer);
            }
        }
        require_rules_of_records(*world.store);
    });
}

}  // namespace updraft::fuzz
