// What a Lua package brings: the form that uploads it (first line: its JSON), what its worker says
// that it declares (second line), and what it makes of a message (the other lines, each an item).
// The interpreter itself runs in a process without rights and is none of this.
#include "app/package_dialects.hpp"
#include "base/bytes.hpp"
#include "scripting/declaration.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/jetlinks_checks.hpp"
#include "tests/fuzz/support/whole_world.hpp"
#include "transport/http/rest/protocols.hpp"

namespace updraft::fuzz {
namespace {

/// A worker that says what the input says.
struct SpokenFor final : ScriptHost {
    std::string declared;
    std::vector<std::string> items;

    void call(std::shared_ptr<const Script> /*script*/, ScriptCall /*call*/,
              Answered done) override {
        done({std::nullopt, items, {}});
    }
    std::expected<ScriptDeclaration, ScriptFailure> check(const std::string& /*text*/) override {
        return scripting::read_declaration(declared);
    }
    ScriptAnswer attempt(const std::string& /*text*/, const ScriptCall& /*call*/) override {
        return {std::nullopt, items, {}};
    }
};

struct PackageWorld : WholeWorld {
    SpokenFor host;
    ProtocolService with_scripts{*store, clock, ids, &host};
    PackageDialects scripted{&host};
    rest::Api api{router, access, clock, {}};
    std::string token;

    PackageWorld() : WholeWorld(UpgradeMode::push) {
        rest::protocol_routes(api, *store, with_scripts);
        with_scripts.on_changed([this](const ProtocolId& id, const auto& package) {
            package ? scripted.keep(*package) : scripted.forget(id);
        });
        UPDRAFT_ASSERT(access.start("correct horse").has_value());
        const auto signed_in = access.sign_in({"admin", "correct horse", "", -1, "a"});
        UPDRAFT_ASSERT(signed_in.has_value());
        token = signed_in->token;
    }

    Answer ask(http::Method method, std::string path, std::string body) {
        http::Request request;
        request.method = method;
        request.path = std::move(path);
        request.target = request.path;
        request.body = std::move(body);
        request.headers = {{"X-Access-Token", token}, {"Content-Type", "application/json"}};
        auto answer = asked(router, std::move(request));
        UPDRAFT_ASSERT(answer.has_value());
        require_sound(*answer);
        return *std::move(answer);
    }
};

std::string_view take_line(std::string_view& input) {
    const std::string_view line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    return line;
}

void require_declared(const ProtocolPackage& package) {
    for (const TransportDetail& transport : package.transports) {
        UPDRAFT_ASSERT(transport.id == "MQTT" || transport.id == "HTTP");
        UPDRAFT_ASSERT(transport.features.size() <= 32);
        (void)ProtocolService::routes(package, transport.id);
        (void)ProtocolService::config_metadata(package, transport.id);
    }
}

/// A message that a script made is as sound as one that our own codec decoded, and of its device.
void decode(PackageWorld& world, const ProtocolId& package) {
    const SignedInDevice from{DeviceId{"d1"}, ProductId{"p1"}, package};
    world.scripted.decode(from, "/p1/d1/x", "bytes", [](const Result<DecodedUplinks>& messages) {
        if (messages && *messages) {
            require_sound_uplink(**messages);
            for (const UplinkMessage& message : messages->more) {
                require_sound_uplink(message);
            }
        }
    });
}

}  // namespace

UPDRAFT_FUZZ_TARGET(lua_package) {
    static PackageWorld world;
    const std::string_view form = take_line(input);
    world.host.declared = take_line(input);
    world.host.items.clear();
    while (!input.empty()) {
        world.host.items.emplace_back(take_line(input));
    }
    world.tried([&] {
        world.ask(http::Method::post, "/protocol/script/_check", std::string(form));
        world.ask(http::Method::post, "/protocol/script/_try", std::string(form));
        world.ask(http::Method::post, "/protocol", std::string(form));
        world.store->read([&](const Repositories& rows) {
            Query all;
            all.paging = false;
            rows.protocols().each(all, [&](const ProtocolPackage& package) {
                if (package.type == protocol_type_lua) {
                    require_declared(package);
                    decode(world, package.id);
                }
                return true;
            });
        });
        ProtocolPackage saved;
        saved.id = ProtocolId{"spoken"};
        saved.type = protocol_type_lua;
        saved.script = "x";
        world.scripted.keep(saved);
        decode(world, saved.id);
    });
}

}  // namespace updraft::fuzz
