#include <algorithm>

#include "app/device_messages.hpp"
#include "app/device_messages_incoming.hpp"
#include "app/log_types.hpp"
#include "app/upgrade_sender.hpp"
#include "base/log.hpp"
#include "domain/message_matching.hpp"

// Pulls: a device asks for firmware (spec 4.5).
namespace updraft {
namespace {

constexpr std::string_view silent_key = "silentWhenNoFirmware";

DeviceRoute route_of(const Device& device, const DeviceId& carrier,
                     const ProductId& topic_product) {
    DeviceRoute route{device.id, device.product, {}, {}};
    if (device.id != carrier) {
        route.gateway = carrier;
        route.gateway_product = topic_product;
    }
    return route;
}

const UpgradeRecord* record_named(const std::vector<UpgradeRecord>& records, const RecordId& id) {
    const auto found = std::ranges::find(records, id, &UpgradeRecord::id);
    return found == records.end() ? nullptr : &*found;
}

/// All that a pull's answer hangs on besides the store.
Fingerprint pull_question(const UplinkMessage& message, const PullRequest& request) {
    return fingerprint_of({"pull", message.device.value, message.product.value,
                           request.current_version, request.request_version,
                           request.latest ? "latest" : "", request.force ? "force" : ""});
}

/// The same of a preview, which depends on the device's own product.
Fingerprint preview_question(const DeviceId& device, const PullRequest& request) {
    return fingerprint_of({"preview", device.value, request.current_version,
                           request.request_version, request.latest ? "latest" : "",
                           request.force ? "force" : ""});
}

}  // namespace

/// Whether the pull would change or offer anything.
bool DeviceMessages::has_news(const PullContext& context, const PullRequest& request) const {
    if (!request.current_version.empty()) {
        const std::optional<FirmwareInfo>& known = context.device.firmware;
        const bool as_known = known && known->version == request.current_version &&
                              known->version_order == context.reported_order;
        if (!as_known ||
            !match_report(context.records, context.device.product, request.current_version)
                 .empty()) {
            return true;
        }
    }
    const PullDecision decision = select_for_pull(request, context.records, context.current_order);
    return decision.offer || decision.replaced || !decision.already_installed.empty();
}

DeviceMessages::PullPreview DeviceMessages::preview_pull(const DeviceId& device,
                                                         const PullRequest& request) const {
    const Freshness::Stamp stamp = freshness_ ? freshness_->stamp(device) : 0;
    const PullPreview found = store_.read([&](const Repositories& rows) {
        PullPreview preview;
        std::optional<PullContext> context = pull_context(rows, device, request);
        if (!context) {
            preview.is_repeat = true;
            return preview;
        }
        const std::optional<FirmwareInfo>& known = context->device.firmware;
        const std::string& said = request.current_version;
        bool news = !said.empty() && !(known && known->version == said &&
                                       known->version_order == context->reported_order);
        if (!said.empty() && !request.force) {  // what the report settles is not asked for again
            const auto settled = match_report(context->records, context->device.product, said);
            for (auto index = settled.rbegin(); index != settled.rend(); ++index) {
                context->records.erase(context->records.begin() +
                                       static_cast<std::ptrdiff_t>(*index));
            }
            news = news || !settled.empty();
        }
        const PullDecision decision =
            select_for_pull(request, context->records, context->current_order);
        news = news || decision.replaced || !decision.already_installed.empty();
        if (decision.offer) {
            const UpgradeRecord* offered = record_named(context->records, *decision.offer);
            news = news || offered->state != RecordState::processing;
            preview.firmware = rows.firmwares().find(offered->firmware);
        }
        preview.is_repeat = !news;
        return preview;
    });
    if (freshness_ && found.is_repeat && !found.firmware) {
        quiet_pulls_.keep(preview_question(device, request), stamp, {true});
    }
    return found;
}

bool DeviceMessages::previewed_nothing(const DeviceId& device, const PullRequest& request) const {
    if (!freshness_) {
        return false;
    }
    const Freshness::Stamp stamp = freshness_->stamp(device);
    return quiet_pulls_.find(preview_question(device, request), stamp).has_value();
}

/// NO_FIRMWARE, unless the product's devices cannot parse it.
void DeviceMessages::answer_nothing(Incoming& incoming, const PullContext& context,
                                    const uplink::FirmwarePull& pull) const {
    const bool silent = context.product && configured(context.device, *context.product,
                                                      std::string(silent_key)) == "true";
    if (!silent) {
        incoming.handled.reply =
            DownlinkMessage{route_of(context.device, incoming.carrier, incoming.message.product),
                            clock_.now(), downlink::FirmwarePullReply{pull.message_id, {}}};
    }
}

/// A pull that found nothing the last time it was asked and finds nothing now, which takes no look
/// at the store: it is ready to be answered. Only devices that speak for themselves.
bool DeviceMessages::is_quiet(Incoming& incoming) const {
    const auto* pull = std::get_if<uplink::FirmwarePull>(&incoming.message.body);
    if (!freshness_ || pull == nullptr || !incoming.is_about_carrier()) {
        return false;
    }
    const UplinkMessage& message = incoming.message;
    const auto quiet =
        quiet_pulls_.find(pull_question(message, pull->request), freshness_->stamp(message.device));
    if (quiet && !quiet->silent) {
        incoming.handled.reply =
            DownlinkMessage{DeviceRoute{message.device, message.product, {}, {}}, clock_.now(),
                            downlink::FirmwarePullReply{pull->message_id, {}}};
    }
    return quiet.has_value();
}

/// The topic's product is part of the question and of the answer: only where it is the right one.
void DeviceMessages::remember_quiet(const Incoming& incoming, const PullContext& context,
                                    Freshness::Stamp stamp) {
    const UplinkMessage& message = incoming.message;
    if (freshness_ && incoming.is_about_carrier() && context.device.product == message.product) {
        const auto& pull = std::get<uplink::FirmwarePull>(message.body);
        quiet_pulls_.keep(pull_question(message, pull.request), stamp,
                          {!incoming.handled.reply.has_value()});
    }
}

/// First looks without writing: most pulls find nothing (design 3.3).
void DeviceMessages::finish_pull(const std::shared_ptr<Incoming>& incoming,
                                 const RunRead& run_read) {
    if (is_quiet(*incoming)) {
        incoming->accepted = true;
        accept(*incoming);
        incoming->done(std::move(incoming->handled));
        return;
    }
    const auto look = [this, incoming] {
        bool nothing = false;
        try {
            const auto& pull = std::get<uplink::FirmwarePull>(incoming->message.body);
            const Freshness::Stamp stamp =
                freshness_ ? freshness_->stamp(incoming->message.device) : 0;
            nothing = store_.read([&](const Repositories& rows) {
                if (!may_speak(rows, *incoming)) {
                    return true;
                }
                incoming->accepted = true;
                auto context = pull_context(rows, incoming->message.device, pull.request);
                if (!context || has_news(*context, pull.request)) {
                    return false;
                }
                context->product = rows.products().find(context->device.product);
                answer_nothing(*incoming, *context, pull);
                remember_quiet(*incoming, *context, stamp);
                return true;
            });
        } catch (const StorageError& error) {
            log::warn("devices", "pull not looked up device={} reason=\"{}\"",
                      incoming->message.device, error.what());
        }
        if (!nothing) {
            finish_by_writer(incoming);
            return;
        }
        if (incoming->accepted) {
            accept(*incoming);
        }
        incoming->done(std::move(incoming->handled));
    };
    if (!run_read(look)) {
        finish_by_writer(incoming);
    }
}

bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming,
                            const uplink::FirmwarePull& pull) {
    const DeviceId& id = incoming.message.device;
    const PullRequest& request = pull.request;
    const std::optional<Device> device = work.devices().find(id);
    if (!device) {
        return false;
    }
    bool changed = take_version(work, incoming, *device,
                                {request.current_version, nullptr, {}, request.force});
    const auto context = pull_context(work, id, request);
    const PullDecision decision =
        select_for_pull(request, context->records, context->current_order);
    const auto apply = [&](const RecordId& record, const RecordEvent& event) {
        const Transition transition =
            changes_.apply(work, *record_named(context->records, record), event);
        changed = changed || transition.changed;
        return transition.record;
    };
    for (const RecordId& installed : decision.already_installed) {
        apply(installed, event::AlreadyInstalled{});
    }
    if (decision.replaced) {
        apply(*decision.replaced, event::OtherVersionRequested{});
    }
    if (decision.offer) {
        const UpgradeRecord* offered = record_named(context->records, *decision.offer);
        if (const auto firmware = work.firmwares().find(offered->firmware)) {
            log_line(work, incoming, log_type::pull_firmware, *offered);
            DownloadAddresses addresses(urls_, work, clock_.now());
            const UpgradeRecord record = apply(offered->id, event::PullAnswered{pull.message_id});
            incoming.handled.reply = DownlinkMessage{
                route_of(*device, incoming.carrier, incoming.message.product), clock_.now(),
                downlink::FirmwarePullReply{
                    pull.message_id,
                    upgrade_message(*firmware, record, addresses.of(*firmware, record))}};
            return true;
        }
    }
    PullContext nothing{*device, work.products().find(device->product), {}, 0, {}};
    answer_nothing(incoming, nothing, pull);
    return changed;
}

}  // namespace updraft
