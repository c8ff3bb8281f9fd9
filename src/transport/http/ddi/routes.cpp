#include "transport/http/ddi/routes.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/bytes.hpp"
#include "transport/http/ddi/answers.hpp"
#include "transport/http/ddi/artifacts.hpp"
#include "transport/http/ddi/links.hpp"
#include "transport/http/ddi/proxies.hpp"
#include "transport/http/rest/api.hpp"
#include "transport/http/syntax.hpp"

namespace updraft::http::ddi {
namespace {

using Taken = DdiService::Taken;

constexpr std::size_t controller_id_characters_max = 256;
constexpr std::size_t authority_fields_max = 32;
constexpr std::size_t user_agent_bytes_max = 256;
constexpr std::string_view md5_suffix = ".MD5SUM";
constexpr const char* device_path = "/{tenant}/controller/v1/{controllerId}";

/// The value behind "Scheme ", which is told apart by case and has one space (hawkbit-ddi 2).
std::optional<std::string> token_of(const Request& request, std::string_view scheme) {
    const std::optional<std::string> value = request.header("Authorization");
    if (!value || !value->starts_with(scheme) || value->size() <= scheme.size() + 1 ||
        (*value)[scheme.size()] != ' ' || (*value)[scheme.size() + 1] == ' ') {
        return std::nullopt;
    }
    return value->substr(scheme.size() + 1);
}

void add_hashes(std::string_view list, std::vector<std::string>& hashes) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find_first_of(",;"), list.size());
        const std::string_view hash = trimmed(list.substr(0, end));
        if (!hash.empty() && hashes.size() < authority_fields_max) {
            hashes.push_back(to_lower(hash));
        }
        list.remove_prefix(std::min(end + 1, list.size()));
    }
}

/// X-Authority, and X-Authority-0, -1, -2 ... until one is missing.
std::vector<std::string> authorities_of(const Request& request) {
    std::vector<std::string> hashes;
    add_hashes(request.header("X-Authority").value_or(""), hashes);
    for (std::size_t i = 0; i < authority_fields_max; ++i) {
        const auto field = request.header(fmt::format("X-Authority-{}", i));
        if (!field) {
            break;
        }
        add_hashes(*field, hashes);
    }
    return hashes;
}

std::optional<std::int64_t> number_in(const Request& request, std::string_view parameter) {
    return parse_decimal(request.parameter(parameter));
}

/// How many messages of an action's history are asked for.
std::int64_t history_of(const Request& request) {
    const std::string asked = request.query_value("actionHistory").value_or("0");
    const bool negative = asked.starts_with('-');
    const auto number = parse_decimal(std::string_view(asked).substr(negative ? 1 : 0));
    return negative ? -1 : number.value_or(0);
}

/// One request of a device that has proven itself.
struct Call {
    const Request& request;
    DdiService::Client client;
    Links links;
};

using Answer = std::function<Result<Response>(const Call&)>;

class Controller {
public:
    Controller(Parts parts, const Options& options)
        : parts_(std::move(parts)), options_(options), proxies_(options.trusted_proxies) {}

    [[nodiscard]] Response answer(const Request& request, UnknownDevice unknown,
                                  const Answer& handler) const {
        try {
            const Result<Response> response = checked(request, unknown, handler);
            return response ? *response : refusal(response.error(), request.language());
        } catch (const BodyCut&) {
            throw;  // there is nobody left to answer
        } catch (const std::exception&) {
            return refusal(rest::error_of_current_exception(), request.language());
        }
    }

    [[nodiscard]] DdiService& service() const { return parts_.service; }

    using AnswerAtOnce = std::function<std::optional<Response>(const Call&)>;
    /// The same from memory, for an event loop; nothing: answer() has to look.
    [[nodiscard]] std::optional<Response> answer_at_once(const Request& request,
                                                         const AnswerAtOnce& handler) const {
        const bool proxied = proxies_.include(request.remote_address);
        if (!equals_ignoring_case(request.parameter("tenant"), options_.tenant)) {
            return std::nullopt;
        }
        const auto device = sign_in_at_once(request);
        Result<Links> links = Links::of(request, options_, proxied);
        if (!device || !links) {
            return std::nullopt;
        }
        std::optional<Response> response =
            handler({request, {device->id, agent_of(request)}, *std::move(links)});
        if (response && parts_.seen) {
            parts_.seen(device->id, address_of(request, proxied));
        }
        return response;
    }

private:
    static std::string agent_of(const Request& request) {
        std::string agent = request.header("User-Agent").value_or("");
        agent.resize(std::min(agent.size(), user_agent_bytes_max));
        return agent;
    }

    /// The device's own, also behind a proxy that names it.
    static std::string address_of(const Request& request, bool proxied) {
        return proxied ? forwarded_for(request).value_or(request.remote_address)
                       : request.remote_address;
    }

    [[nodiscard]] std::optional<SignedInDevice> sign_in_at_once(const Request& request) const {
        const DeviceId id(request.parameter("controllerId"));
        for (const DeviceProof& proof : tokens_of(request)) {
            if (auto device = parts_.sign_in.http_at_once(id, proof)) {
                return device;
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::vector<DeviceProof> tokens_of(const Request& request) const {
        std::vector<DeviceProof> proofs;
        if (options_.target_token) {
            if (auto token = token_of(request, "TargetToken")) {
                proofs.emplace_back(proof::TargetToken{*std::move(token)});
            }
        }
        if (options_.gateway_token) {
            if (auto token = token_of(request, "GatewayToken")) {
                proofs.emplace_back(proof::GatewayToken{*std::move(token)});
            }
        }
        return proofs;
    }

    [[nodiscard]] Result<Response> checked(const Request& request, UnknownDevice unknown,
                                           const Answer& handler) const {
        const std::string& id = request.parameter("controllerId");
        if (!equals_ignoring_case(request.parameter("tenant"), options_.tenant)) {
            return Error::not_found("租户", "tenant", request.parameter("tenant"));
        }
        if (code_points(id) > controller_id_characters_max) {
            return Error::of(ErrorCode::malformed, text("controllerId最多{}个字符",
                                                        "a controllerId has at most {} characters",
                                                        controller_id_characters_max));
        }
        const bool proxied = proxies_.include(request.remote_address);
        const Result<SignedInDevice> known = sign_in(request, DeviceId(id), proxied, unknown);
        if (!known) {
            Response response = refusal(known.error(), request.language());
            if (known.error().code == ErrorCode::too_many_requests) {
                response.headers.emplace_back("Retry-After",
                                              std::to_string(parts_.sign_in.retry_after().count()));
            }
            return response;
        }
        const SignedInDevice& device = *known;
        if (parts_.seen) {
            parts_.seen(device.id, address_of(request, proxied));
        }
        UPDRAFT_TRY(Links links, Links::of(request, options_, proxied));
        return handler({request, {device.id, agent_of(request)}, std::move(links)});
    }

    /// Any one of the methods is enough (hawkbit-ddi 2).
    [[nodiscard]] Result<SignedInDevice> sign_in(const Request& request, const DeviceId& id,
                                                 bool proxied, UnknownDevice unknown) const {
        std::vector<DeviceProof> proofs = tokens_of(request);
        if (proxied && request.header("X-Controller-Id") == id.value) {
            if (auto hashes = authorities_of(request); !hashes.empty()) {
                proofs.emplace_back(proof::Authorities{std::move(hashes)});
            }
        }
        if (!proofs.empty()) {
            Result<SignedInDevice> device = parts_.sign_in.http(
                {id, std::move(proofs), unknown, {}, address_of(request, proxied)});
            if (device || device.error().code == ErrorCode::too_many_requests) {
                return device;
            }
        }
        return Error::of(ErrorCode::unauthorized, text("未认证", "not authenticated"));
    }

    const Parts parts_;
    const Options options_;
    const TrustedProxies proxies_;
};

updraft::ddi::ArtifactDocument with_links(const DdiService::Module& module,
                                          const DdiService::File& file, const Links& links) {
    updraft::ddi::ArtifactDocument document = file.document;
    if (file.id.empty()) {  // its bytes lie elsewhere, and so does whatever else is known of it
        const bool https = equals_ignoring_case(file.url.substr(0, 8), "https://");
        (https ? document.download : document.download_http) = file.url;
        return document;
    }
    const Links::File at = links.file(module.id, document.filename);
    document.download = at.https;
    document.download_http = at.http;
    document.md5sum = at.https.empty() ? "" : at.https + std::string(md5_suffix);
    document.md5sum_http = at.http.empty() ? "" : at.http + std::string(md5_suffix);
    return document;
}

std::vector<updraft::ddi::ArtifactDocument> files_of(const DdiService::Module& module,
                                                     const Links& links) {
    std::vector<updraft::ddi::ArtifactDocument> documents;
    for (const DdiService::File& file : module.files) {
        documents.push_back(with_links(module, file, links));
    }
    return documents;
}

std::string deployment_json(const DdiService::Deployment& deployment, const Links& links,
                            std::string_view content) {
    updraft::ddi::DeploymentDocument document;
    document.id = deployment.action;
    document.content = content;
    document.download = deployment.download;
    document.update = deployment.update;
    document.history = deployment.history;
    for (const DdiService::Module& module : deployment.modules) {
        document.chunks.push_back(
            {module.part, module.name, module.version, files_of(module, links), module.metadata});
    }
    return updraft::ddi::to_json(document);
}

std::string changing_link(const Links& links, std::string_view name, std::int64_t action,
                          std::int32_t change) {
    return fmt::format("{}?c={}", links.action(name, action), change);
}

Response poll_response(const DdiService::Poll& poll, const Call& call) {
    updraft::ddi::PollDocument document;
    document.sleep = poll.sleep;
    switch (poll.kind) {
        case DdiService::Poll::Kind::nothing:
            break;
        case DdiService::Poll::Kind::deployment:
            document.deployment_base =
                changing_link(call.links, "deploymentBase", poll.action, poll.change);
            break;
        case DdiService::Poll::Kind::confirmation:
            document.confirmation_base =
                changing_link(call.links, "confirmationBase", poll.action, poll.change);
            break;
        case DdiService::Poll::Kind::cancel:
            document.cancel_action = call.links.action("cancelAction", poll.action);
            break;
    }
    if (poll.installed) {
        document.installed_base = call.links.action("installedBase", *poll.installed);
    }
    if (poll.attributes_wanted) {
        document.config_data = call.links.resource("configData");
    }
    return ddi::document(call.request, to_json(document));
}

Result<Response> poll(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const DdiService::Poll poll, service.poll(call.client));
    return poll_response(poll, call);
}

std::optional<Response> poll_at_once(const DdiService& service, const Call& call) {
    const std::optional<DdiService::Poll> poll = service.poll_at_once(call.client);
    return poll ? std::optional(poll_response(*poll, call)) : std::nullopt;
}

/// The action that a path names; one that can be no number is none of ours.
Result<std::int64_t> action_in(const Call& call) {
    const auto number = number_in(call.request, "actionId");
    if (!number) {
        return Error::not_found("升级动作", "action", call.request.parameter("actionId"));
    }
    return *number;
}

Result<std::int64_t> module_in(const Call& call) {
    const auto number = number_in(call.request, "moduleId");
    if (!number) {
        return Error::not_found("软件模块", "software module", call.request.parameter("moduleId"));
    }
    return *number;
}

Response taken(Taken what) {
    return what == Taken::yes ? done() : Response{410, {}, std::string()};
}

using Report = Result<Taken> (DdiService::*)(const DdiService::Client&, std::int64_t,
                                             const updraft::ddi::Feedback&);

Answer reporting(DdiService& service, Report report) {
    return [&service, report](const Call& call) -> Result<Response> {
        UPDRAFT_TRY(const std::int64_t action, action_in(call));
        UPDRAFT_TRY(const std::string_view body, json_body(call.request));
        UPDRAFT_TRY(const updraft::ddi::Feedback feedback, updraft::ddi::parse_feedback(body));
        const Result<Taken> what = (service.*report)(call.client, action, feedback);
        if (!what && what.error().code == ErrorCode::method_not_allowed) {
            return not_cancelable(what.error(), call.request.language());
        }
        UPDRAFT_TRY(const Taken is, what);
        return taken(is);
    };
}

Result<Response> consent(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const DdiService::Consent consent, service.consent(call.client));
    updraft::ddi::AutoConfirmDocument document;
    document.active = consent.target.auto_confirm;
    document.initiator = consent.target.auto_confirm_initiator;
    document.remark = consent.target.auto_confirm_remark;
    document.activated_at = consent.target.auto_confirm_at;
    (document.active ? document.deactivate : document.activate) =
        call.links.resource(document.active ? "confirmationBase/deactivateAutoConfirm"
                                            : "confirmationBase/activateAutoConfirm");
    if (consent.waiting) {
        document.confirmation_base =
            changing_link(call.links, "confirmationBase", *consent.waiting, consent.change);
    }
    return ddi::document(call.request, to_json(document));
}

Result<Response> confirm(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const std::int64_t action, action_in(call));
    UPDRAFT_TRY(const std::string_view body, json_body(call.request));
    UPDRAFT_TRY(const updraft::ddi::Confirmation said, updraft::ddi::parse_confirmation(body));
    UPDRAFT_TRY(const Taken what, service.confirmation_feedback(call.client, action, said));
    return taken(what);
}

Result<Response> activate(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const std::string_view body, json_body(call.request));
    UPDRAFT_TRY(const updraft::ddi::AutoConfirmation said,
                updraft::ddi::parse_auto_confirmation(body));
    UPDRAFT_CHECK(service.activate_auto_confirm(call.client, said));
    return done();
}

Result<Response> configure(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const std::string_view body, json_body(call.request));
    UPDRAFT_TRY(const updraft::ddi::ConfigData said, updraft::ddi::parse_config_data(body));
    UPDRAFT_CHECK(service.configure(call.client, said));
    return done();
}

Result<Response> announce(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const std::string_view body, json_body(call.request));
    UPDRAFT_TRY(const updraft::ddi::InstalledSet said, updraft::ddi::parse_installed_set(body));
    UPDRAFT_TRY(const DdiService::Announced what, service.announce(call.client, said));
    return Response{what == DdiService::Announced::recorded ? 201 : 200, {}, std::string()};
}

/// A file by its own name, or the digest of the file that stands before `.MD5SUM`.
Result<Response> download(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const std::int64_t module, module_in(call));
    const std::string& name = call.request.parameter("filename");
    Result<DdiService::Download> found = service.open(call.client, module, name);
    if (!found && name.ends_with(md5_suffix)) {
        UPDRAFT_TRY(
            const DdiService::Download file,
            service.open(call.client, module, name.substr(0, name.size() - md5_suffix.size())));
        return md5sum(file);
    }
    UPDRAFT_TRY(const DdiService::Download file, std::move(found));
    Response response = artifact(call.request, file);
    if (sends_all(call.request, response)) {
        service.downloaded(call.client, file);
    }
    return response;
}

Result<Response> list_files(DdiService& service, const Call& call) {
    UPDRAFT_TRY(const std::int64_t id, module_in(call));
    UPDRAFT_TRY(const DdiService::Module module, service.module(call.client, id));
    return ddi::document(call.request, updraft::ddi::to_json(files_of(module, call.links)));
}

/// The addresses that there are, and nothing behind them: tells a wrong method from a wrong path,
/// where the server's own router would also find the address of a JetLinks device (POST
/// /{productId}/{deviceId}/...).
std::vector<Method> methods_of(std::string_view path) {
    static const Router addresses = [] {
        Router router;
        const auto add = [&](Method method, std::initializer_list<const char*> tails) {
            for (const char* tail : tails) {
                router.add(method, std::string(device_path) + tail, {});
            }
        };
        add(Method::get, {"", "/deploymentBase/{actionId}", "/cancelAction/{actionId}",
                          "/confirmationBase", "/confirmationBase/{actionId}",
                          "/installedBase/{actionId}", "/softwaremodules/{moduleId}/artifacts",
                          "/softwaremodules/{moduleId}/artifacts/{filename}"});
        add(Method::post,
            {"/deploymentBase/{actionId}/feedback", "/cancelAction/{actionId}/feedback",
             "/confirmationBase/{actionId}/feedback", "/confirmationBase/activateAutoConfirm",
             "/confirmationBase/deactivateAutoConfirm"});
        add(Method::put, {"/configData", "/installedBase"});
        return router;
    }();
    return addresses.find(Method::other, path).allowed;
}

/// A path below ours that has not the method, or is none.
Response wrong_method(const Request& request) {
    std::string names;
    for (const Method method : methods_of(request.path)) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", name_of(method));
    }
    if (names.empty()) {
        return refusal(Error::of(ErrorCode::not_found,
                                 text("路径不存在: {}", "no such path: {}", request.path)),
                       request.language());
    }
    Response response =
        refusal(Error::of(ErrorCode::method_not_allowed,
                          text("不支持的请求方法", "this path does not have that method")),
                request.language());
    response.headers.emplace_back("Allow", names);
    return response;
}

bool is_below_controller(std::string_view path) {
    const std::size_t second = path.find('/', 1);
    if (second == std::string_view::npos) {
        return false;
    }
    constexpr std::string_view folder = "/controller/v1";
    const std::string_view rest = path.substr(second);
    return rest == folder || rest.starts_with(std::string(folder) + "/");
}

}  // namespace

void add_routes(Router& router, Parts parts, const Options& options) {
    DdiService& service = parts.service;
    const auto controller = std::make_shared<const Controller>(std::move(parts), options);
    const RouteOptions small{.body_bytes_max = options.body_bytes_max};
    const auto add = [&](Method method, std::string_view tail, Answer handler,
                         UnknownDevice unknown = UnknownDevice::refuse,
                         HandlerAtOnce at_once = {}) {
        RouteOptions route = small;
        route.at_once = std::move(at_once);
        router.add(
            method, device_path + std::string(tail),
            [controller, handler = std::move(handler), unknown](const Request& request) {
                const bool may_enroll = request.method == Method::get;
                return controller->answer(request, may_enroll ? unknown : UnknownDevice::refuse,
                                          handler);
            },
            std::move(route));
    };
    add(
        Method::get, "", [&service](const Call& call) { return poll(service, call); },
        UnknownDevice::enroll,
        [controller, &service](const Request& request) {
            return controller->answer_at_once(
                request, [&service](const Call& call) { return poll_at_once(service, call); });
        });
    add(Method::get, "/deploymentBase/{actionId}",
        [&service](const Call& call) -> Result<Response> {
            UPDRAFT_TRY(const std::int64_t action, action_in(call));
            UPDRAFT_TRY(
                const DdiService::Deployment found,
                service.deployment(call.client, action, history_of(call.request),
                                   call.request.method == Method::head ? DdiService::Fetch::looks
                                                                       : DdiService::Fetch::takes));
            return document(call.request, deployment_json(found, call.links, "deployment"));
        });
    add(Method::get, "/installedBase/{actionId}", [&service](const Call& call) -> Result<Response> {
        UPDRAFT_TRY(const std::int64_t action, action_in(call));
        UPDRAFT_TRY(const DdiService::Deployment found,
                    service.installed(call.client, action, history_of(call.request)));
        return document(call.request, deployment_json(found, call.links, "deployment"));
    });
    add(Method::get, "/confirmationBase/{actionId}",
        [&service](const Call& call) -> Result<Response> {
            UPDRAFT_TRY(const std::int64_t action, action_in(call));
            UPDRAFT_TRY(const DdiService::Deployment found,
                        service.confirmation(call.client, action, history_of(call.request)));
            return document(call.request, deployment_json(found, call.links, "confirmation"));
        });
    add(Method::get, "/cancelAction/{actionId}", [&service](const Call& call) -> Result<Response> {
        UPDRAFT_TRY(const std::int64_t action, action_in(call));
        UPDRAFT_CHECK(service.cancellation(call.client, action));
        return document(call.request, updraft::ddi::cancel_json(action));
    });
    add(Method::post, "/deploymentBase/{actionId}/feedback",
        reporting(service, &DdiService::feedback));
    add(Method::post, "/cancelAction/{actionId}/feedback",
        reporting(service, &DdiService::cancel_feedback));
    add(Method::get, "/confirmationBase",
        [&service](const Call& call) { return consent(service, call); });
    add(Method::post, "/confirmationBase/{actionId}/feedback",
        [&service](const Call& call) { return confirm(service, call); });
    add(Method::post, "/confirmationBase/activateAutoConfirm",
        [&service](const Call& call) { return activate(service, call); });
    add(Method::post, "/confirmationBase/deactivateAutoConfirm",
        [&service](const Call& call) -> Result<Response> {
            UPDRAFT_CHECK(service.deactivate_auto_confirm(call.client));
            return done();
        });
    add(Method::put, "/configData",
        [&service](const Call& call) { return configure(service, call); });
    add(Method::put, "/installedBase",
        [&service](const Call& call) { return announce(service, call); });
    add(Method::get, "/softwaremodules/{moduleId}/artifacts",
        [&service](const Call& call) { return list_files(service, call); });
    add(Method::get, "/softwaremodules/{moduleId}/artifacts/{filename}",
        [&service](const Call& call) { return download(service, call); });
    router.add(Method::post, "/{tenant}/controller/v1/{rest...}", wrong_method, small);
}

Refuse refusals(Refuse otherwise) {
    return [otherwise = std::move(otherwise)](const Error& error, Language language,
                                              const Request* request) {
        if (request != nullptr && is_below_controller(request->path)) {
            return error.code == ErrorCode::method_not_allowed ? wrong_method(*request)
                                                               : refusal(error, language);
        }
        return otherwise(error, language, request);
    };
}

}  // namespace updraft::http::ddi
