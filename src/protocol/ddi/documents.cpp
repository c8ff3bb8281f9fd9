#include "protocol/ddi/documents.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <fmt/format.h>

namespace updraft::ddi {
namespace {

namespace json = boost::json;

constexpr seconds sleep_max{24 * 3600 - 1};

void add_link(json::object& links, std::string_view rel, const std::string& href) {
    if (!href.empty()) {
        links.emplace(rel, json::object{{"href", href}});
    }
}

void add_text(json::object& object, std::string_view name, const std::string& value) {
    if (!value.empty()) {
        object.emplace(name, value);
    }
}

std::string_view name_of(Handling handling) {
    switch (handling) {
        case Handling::forced:
            return "forced";
        case Handling::attempt:
            return "attempt";
        case Handling::skip:
            return "skip";
    }
    return "forced";
}

json::object object_of(const ArtifactDocument& artifact) {
    json::object hashes;
    add_text(hashes, "sha1", artifact.sha1);
    add_text(hashes, "md5", artifact.md5);
    add_text(hashes, "sha256", artifact.sha256);
    json::object links;
    add_link(links, "download", artifact.download);
    add_link(links, "md5sum", artifact.md5sum);
    add_link(links, "download-http", artifact.download_http);
    add_link(links, "md5sum-http", artifact.md5sum_http);
    return {{"filename", artifact.filename},
            {"hashes", std::move(hashes)},
            {"size", artifact.size_bytes},
            {"_links", std::move(links)}};
}

json::array array_of(const std::vector<ArtifactDocument>& artifacts) {
    json::array list;
    for (const ArtifactDocument& each : artifacts) {
        list.emplace_back(object_of(each));
    }
    return list;
}

json::object object_of(const ChunkDocument& chunk) {
    json::object object{{"part", part_name(chunk.part)},
                        {"version", chunk.version},
                        {"name", chunk.name},
                        {"artifacts", array_of(chunk.artifacts)}};
    if (!chunk.metadata.empty()) {
        json::array list;
        for (const MetadataEntry& each : chunk.metadata) {
            list.push_back(json::object{{"key", each.key}, {"value", each.value}});
        }
        object.emplace("metadata", std::move(list));
    }
    return object;
}

}  // namespace

std::string sleep_text(seconds sleep) {
    const auto whole = std::clamp(sleep, seconds{0}, sleep_max).count();
    return fmt::format("{:02}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string to_json(const PollDocument& poll) {
    json::object links;
    add_link(links, "deploymentBase", poll.deployment_base);
    add_link(links, "confirmationBase", poll.confirmation_base);
    add_link(links, "cancelAction", poll.cancel_action);
    add_link(links, "installedBase", poll.installed_base);
    add_link(links, "configData", poll.config_data);
    json::object document{
        {"config", json::object{{"polling", json::object{{"sleep", sleep_text(poll.sleep)}}}}}};
    if (!links.empty()) {
        document.emplace("_links", std::move(links));
    }
    return json::serialize(document);
}

std::string to_json(const std::vector<ArtifactDocument>& artifacts) {
    return json::serialize(array_of(artifacts));
}

std::string_view part_name(std::string_view part) {
    if (part == "application") {
        return "bApp";
    }
    return part == "runtime" ? "jvm" : part;
}

std::string to_json(const DeploymentDocument& deployment) {
    json::array chunks;
    for (const ChunkDocument& each : deployment.chunks) {
        chunks.emplace_back(object_of(each));
    }
    json::object document{
        {"id", std::to_string(deployment.id)},
        {deployment.content, json::object{{"download", name_of(deployment.download)},
                                          {"update", name_of(deployment.update)},
                                          {"chunks", std::move(chunks)}}}};
    if (deployment.history) {
        json::array messages;
        for (const std::string& each : deployment.history->messages) {
            messages.emplace_back(each);
        }
        document.emplace("actionHistory", json::object{{"status", deployment.history->status},
                                                       {"messages", std::move(messages)}});
    }
    return json::serialize(document);
}

std::string cancel_json(std::int64_t action) {
    const std::string id = std::to_string(action);
    return json::serialize(
        json::object{{"id", id}, {"cancelAction", json::object{{"stopId", id}}}});
}

std::string to_json(const AutoConfirmDocument& confirmation) {
    json::object automatic{{"active", confirmation.active}};
    if (confirmation.active) {
        add_text(automatic, "initiator", confirmation.initiator);
        add_text(automatic, "remark", confirmation.remark);
        if (confirmation.activated_at) {
            automatic.emplace("activatedAt", to_millis(*confirmation.activated_at));
        }
    }
    json::object links;
    add_link(links, "activateAutoConfirm", confirmation.activate);
    add_link(links, "deactivateAutoConfirm", confirmation.deactivate);
    add_link(links, "confirmationBase", confirmation.confirmation_base);
    json::object document{{"autoConfirm", std::move(automatic)}};
    if (!links.empty()) {
        document.emplace("_links", std::move(links));
    }
    return json::serialize(document);
}

std::string to_json(const ErrorDocument& error) {
    return json::serialize(json::object{{"exceptionClass", error.exception_class},
                                        {"errorCode", error.error_code},
                                        {"message", error.message}});
}

}  // namespace updraft::ddi
