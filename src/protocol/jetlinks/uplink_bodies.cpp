#include "protocol/jetlinks/uplink_bodies.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/cut_text.hpp"

namespace updraft::jetlinks {
namespace {

std::map<std::string, std::string> properties_of(const JsonMembers& members) {
    constexpr std::string_view prefix = "properties.";
    std::map<std::string, std::string> properties;
    for (const JsonMembers::Member& member : members.all()) {
        if (member.name.starts_with(prefix) && member.kind != JsonMembers::Kind::null) {
            properties[member.name.substr(prefix.size())] = member.text;
        }
    }
    return properties;
}

std::optional<int> progress_of(const JsonMembers& members) {
    const std::optional<std::int64_t> percent = members.integer("progress");
    if (!percent) {
        return std::nullopt;
    }
    return static_cast<int>(std::clamp<std::int64_t>(*percent, -1'000'000, 1'000'000));
}

uplink::FirmwarePull read_pull(const JsonMembers& members) {
    return {.message_id = members.text("messageId"),
            .request = {.current_version = members.text("currentVersion"),
                        .request_version = members.text("requestVersion"),
                        .latest = members.boolean("headers.latest").value_or(false),
                        .force = members.boolean("headers.force").value_or(false)}};
}

uplink::UpgradeProgress read_progress(const JsonMembers& members) {
    return {.firmware_id = members.text("firmwareId"),
            .version = members.text("version"),
            .report = {.progress_percent = progress_of(members),
                       .complete = members.boolean("complete").value_or(false),
                       .success = members.boolean("success"),
                       .error_reason = members.text("errorReason"),
                       .message = members.text("message")}};
}

/// A child's product comes at the top or, as JetLinks' own gateways send it, among the headers.
uplink::Register read_register(const JsonMembers& members) {
    const auto either = [&](const std::string& name) {
        std::string in_headers = members.text("headers." + name);
        return in_headers.empty() ? members.text(name) : in_headers;
    };
    return {.name = either("name"), .product_id = either("productId")};
}

}  // namespace

std::string readable(std::string_view payload, std::size_t bytes) {
    if (is_utf8(payload) && payload.find('\0') == std::string_view::npos) {
        return std::string(cut(payload, bytes));
    }
    const std::string_view shown = payload.substr(0, bytes / 2);
    return to_hex({reinterpret_cast<const std::uint8_t*>(shown.data()), shown.size()});
}

std::optional<Instant> timestamp_of(const JsonMembers& members) {
    constexpr std::int64_t year_10000 = 253'402'300'800'000;
    std::optional<std::int64_t> millis = members.integer("timestamp");
    if (!millis) {
        millis = members.integer("timestampe");
    }
    if (!millis || *millis <= 0 || *millis >= year_10000) {
        return std::nullopt;
    }
    return from_millis(*millis);
}

UplinkBody read_body(const UplinkTopic& known, const JsonMembers& members, std::string_view payload,
                     std::string reply_topic) {
    const std::string message_id = members.text("messageId");
    switch (known.kind) {
        case UplinkKind::pull:
            return read_pull(members);
        case UplinkKind::report:
            return uplink::FirmwareReport{members.text("version"), properties_of(members)};
        case UplinkKind::read_reply:
            return uplink::FirmwareReadReply{message_id, members.boolean("success").value_or(true),
                                             members.text("version"), properties_of(members)};
        case UplinkKind::upgrade_reply:
            return uplink::UpgradeReply{message_id, members.boolean("success").value_or(true),
                                        members.text("code"), members.text("message")};
        case UplinkKind::progress:
            return read_progress(members);
        case UplinkKind::online:
            return uplink::Online{};
        case UplinkKind::offline:
            return uplink::Offline{};
        case UplinkKind::time_sync:
            return uplink::TimeSync{message_id, std::move(reply_topic)};
        case UplinkKind::register_child:
            return read_register(members);
        case UplinkKind::unregister:
            return uplink::Unregister{};
        case UplinkKind::other:
            return uplink::OtherUplink{std::string(known.message_type), message_id,
                                       readable(payload, payload.size() * 2)};
    }
    return uplink::Online{};
}

}  // namespace updraft::jetlinks
