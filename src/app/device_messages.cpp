#include "app/device_messages.hpp"

#include <future>

#include "app/device_access.hpp"
#include "app/device_messages_incoming.hpp"
#include "app/log_types.hpp"
#include "base/cut_text.hpp"
#include "base/log.hpp"
#include "base/log_sparing.hpp"
#include "domain/message_matching.hpp"
#include "protocol/jetlinks/codec.hpp"

namespace updraft {
namespace {

/// Messages that no transaction is needed for.
template <class Body>
concept NeedsNoWrite =
    std::same_as<Body, uplink::TimeSync> || std::same_as<Body, uplink::Online> ||
    std::same_as<Body, uplink::Offline> || std::same_as<Body, uplink::OtherUplink>;

bool needs_no_write(const UplinkBody& body) {
    return std::visit([]<class Body>(const Body&) { return NeedsNoWrite<Body>; }, body);
}

/// The tail of the topic under which consoles see a message (spec 2.12); empty: they do not.
std::string_view live_kind_of(const UplinkBody& body) {
    struct Kind {
        std::string_view operator()(const uplink::FirmwarePull&) const { return "firmware/pull"; }
        std::string_view operator()(const uplink::FirmwareReport&) const {
            return "firmware/report";
        }
        std::string_view operator()(const uplink::UpgradeReply&) const {
            return "firmware/push/reply";
        }
        std::string_view operator()(const uplink::UpgradeProgress&) const {
            return "firmware/progress";
        }
        std::string_view operator()(const uplink::FirmwareReadReply&) const { return {}; }
        std::string_view operator()(const uplink::Online&) const { return {}; }
        std::string_view operator()(const uplink::Offline&) const { return {}; }
        std::string_view operator()(const uplink::TimeSync&) const { return {}; }
        std::string_view operator()(const uplink::Register&) const { return {}; }
        std::string_view operator()(const uplink::Unregister&) const { return {}; }
        std::string_view operator()(const uplink::OtherUplink&) const { return {}; }
    };
    return std::visit(Kind{}, body);
}

/// What a message may answer: one of ours with this id; an empty id: none.
struct Answered {
    std::string message_id;
    std::string payload;
};

Answered answered_by(const UplinkMessage& message) {
    if (const auto* reply = std::get_if<uplink::FirmwareReadReply>(&message.body)) {
        return {reply->message_id, message.payload};
    }
    if (const auto* reply = std::get_if<uplink::UpgradeReply>(&message.body)) {
        return {reply->message_id, message.payload};
    }
    if (const auto* other = std::get_if<uplink::OtherUplink>(&message.body)) {
        return {other->message_id, other->body};
    }
    return {};
}

}  // namespace

DeviceMessages::DeviceMessages(Store& store, const RecordChanges& changes, Presence& presence,
                               const PublicUrls& urls, LiveEvents& live, const Clock& clock,
                               SnowflakeIds& ids, Options options,
                               std::shared_ptr<const Freshness> freshness)
    : store_(store),
      changes_(changes),
      presence_(presence),
      urls_(urls),
      live_(live),
      clock_(clock),
      ids_(ids),
      options_(options),
      freshness_(std::move(freshness)),
      quiet_pulls_(freshness_ ? options.remembered_max : 0) {}

void DeviceMessages::connected(const DeviceId& carrier, const ProductId& /*product*/,
                               const std::string& address) {
    presence_.connected(carrier, address);
}

void DeviceMessages::disconnected(const DeviceId& carrier, const std::string& reason) {
    log::debug("devices", "connection ended device={} reason={}", carrier, reason);
    presence_.disconnected(carrier);
}

void DeviceMessages::handle(const DeviceId& carrier, UplinkMessage message, Done done) {
    counters_.messages.fetch_add(1, std::memory_order_relaxed);
    start(std::make_shared<Incoming>(
              Incoming{carrier, std::move(message), std::move(done), {}, false}),
          hooks_.run_read);
}

DeviceInbox::Handled DeviceMessages::handle_now(const DeviceId& carrier, UplinkMessage message) {
    counters_.messages.fetch_add(1, std::memory_order_relaxed);
    std::promise<Handled> promise;
    const auto done = [&](Handled handled) { promise.set_value(std::move(handled)); };
    const auto here = [](const std::function<void()>& work) {
        work();
        return true;
    };
    start(std::make_shared<Incoming>(Incoming{carrier, std::move(message), done, {}, false}), here);
    return promise.get_future().get();
}

std::optional<DeviceInbox::Handled> DeviceMessages::handle_at_once(const DeviceId& carrier,
                                                                   UplinkMessage message) {
    Incoming incoming{carrier, std::move(message), {}, {}, true};
    limit(incoming.message.body);
    if (!is_quiet(incoming)) {
        return std::nullopt;
    }
    counters_.messages.fetch_add(1, std::memory_order_relaxed);
    accept(incoming);
    return std::move(incoming.handled);
}

/// What devices say is kept, shown and searched: none of it may be as long as a packet.
void DeviceMessages::limit(UplinkBody& body) const {
    const auto shorten = [](std::string& said, std::size_t bytes_max) {
        said.resize(cut(said, bytes_max).size());
    };
    const std::size_t version = options_.version_bytes_max;
    const std::size_t reason = options_.reason_bytes_max;
    if (auto* pull = std::get_if<uplink::FirmwarePull>(&body)) {
        shorten(pull->request.current_version, version);
        shorten(pull->request.request_version, version);
    } else if (auto* report = std::get_if<uplink::FirmwareReport>(&body)) {
        shorten(report->version, version);
    } else if (auto* read = std::get_if<uplink::FirmwareReadReply>(&body)) {
        shorten(read->version, version);
    } else if (auto* reply = std::get_if<uplink::UpgradeReply>(&body)) {
        shorten(reply->code, reason);
        shorten(reply->message, reason);
    } else if (auto* progress = std::get_if<uplink::UpgradeProgress>(&body)) {
        shorten(progress->version, version);
        shorten(progress->report.error_reason, reason);
        shorten(progress->report.message, reason);
    }
}

void DeviceMessages::start(const std::shared_ptr<Incoming>& incoming, const RunRead& run_read) {
    limit(incoming->message.body);
    const DeviceId& carrier = incoming->carrier;
    const bool known = incoming->is_about_carrier() || options_.trust_device_ids ||
                       presence_.is_child(incoming->message.device, carrier);
    incoming->accepted = known;
    if (known && needs_no_write(incoming->message.body)) {
        finish_at_once(incoming);
    } else if (run_read && std::holds_alternative<uplink::FirmwarePull>(incoming->message.body)) {
        finish_pull(incoming, run_read);
    } else {
        finish_by_writer(incoming);
    }
}

/// The carrier and its children; a child that has only just been given to it is looked up once.
bool DeviceMessages::may_speak(const Repositories& rows, const Incoming& incoming) {
    if (incoming.accepted) {
        return true;
    }
    const DeviceId& device = incoming.message.device;
    const std::optional<Device> found = rows.devices().find(device);
    if (found && found->parent == incoming.carrier) {
        presence_.adopt(device, incoming.carrier);
        return true;
    }
    if (!found && std::holds_alternative<uplink::Register>(incoming.message.body)) {
        return true;  // whether it may be registered is decided there
    }
    if (found && !found->parent &&
        std::holds_alternative<uplink::Register>(incoming.message.body)) {
        return true;
    }
    counters_.foreign_device.fetch_add(1, std::memory_order_relaxed);
    log::info("devices", "message for a foreign device dropped device={} carrier={}", device,
              incoming.carrier);
    return false;
}

/// Every accepted message is a sign of life (spec 3.4); an offline message is the one exception.
void DeviceMessages::accept(const Incoming& incoming) {
    const UplinkBody& body = incoming.message.body;
    if (!std::holds_alternative<uplink::Offline>(body) &&
        !std::holds_alternative<uplink::Unregister>(body)) {
        if (incoming.is_about_carrier()) {
            presence_.said(incoming.carrier, true);
        } else {
            presence_.child_online(incoming.message.device, incoming.carrier);
        }
    }
    announce(incoming);
    if (hooks_.answered) {
        const Answered answered = answered_by(incoming.message);
        if (!answered.message_id.empty()) {
            hooks_.answered(incoming.message.device, answered.message_id, answered.payload);
        }
    }
}

void DeviceMessages::announce(const Incoming& incoming) const {
    const std::string_view kind = live_kind_of(incoming.message.body);
    if (!kind.empty() && live_.anyone_listens()) {
        live_.publish({clock_.now(),
                       live::DeviceMessageSeen{incoming.message.device, incoming.message.product,
                                               std::string(kind), incoming.message.payload}});
    }
    const std::optional<DownlinkMessage>& reply = incoming.handled.reply;
    if (reply && std::holds_alternative<downlink::FirmwarePullReply>(reply->body) &&
        live_.anyone_listens()) {
        live_.publish({clock_.now(), live::DeviceMessageSeen{
                                         incoming.message.device, incoming.message.product,
                                         "firmware/pull/reply", jetlinks::encode(*reply).payload}});
    }
}

void DeviceMessages::finish_at_once(const std::shared_ptr<Incoming>& incoming) {
    accept(*incoming);
    std::visit(
        [&]<class Body>(const Body& body) {
            if constexpr (NeedsNoWrite<Body>) {
                at_once(*incoming, body);
            }
        },
        incoming->message.body);
    incoming->done(std::move(incoming->handled));
}

void DeviceMessages::finish_by_writer(const std::shared_ptr<Incoming>& incoming) {
    const auto operation = [this, incoming](UnitOfWork& work) {
        incoming->accepted = may_speak(work, *incoming);
        if (!incoming->accepted) {
            return false;
        }
        return std::visit(
            [&]<class Body>(const Body& body) {
                if constexpr (NeedsNoWrite<Body>) {
                    at_once(*incoming, body);
                    return false;
                } else {
                    return change(work, *incoming, body);
                }
            },
            incoming->message.body);
    };
    const auto completed = [this, incoming](const std::exception_ptr& failure) {
        if (failure) {
            counters_.not_stored.fetch_add(1, std::memory_order_relaxed);
            incoming->handled = {false, {}};
        } else if (incoming->accepted) {
            accept(*incoming);
        }
        incoming->done(std::move(incoming->handled));
    };
    try {
        store_.submit(operation, completed);
    } catch (const StorageError& error) {
        static log::Sparing sparing(log::storage_trouble_every);
        if (const auto left_out = sparing.due()) {
            log::warn("devices", "message not stored device={} reason=\"{}\" not_told={}",
                      incoming->message.device, error.what(), *left_out);
        }
        completed(std::current_exception());
    }
}

void DeviceMessages::at_once(Incoming& incoming, const uplink::TimeSync& request) const {
    const UplinkMessage& message = incoming.message;
    DeviceRoute route{message.device, message.product, {}, {}};
    if (!incoming.is_about_carrier()) {
        route.gateway = incoming.carrier;
        route.gateway_product =
            message.product;  // the topic of a child names its gateway's product
    }
    const Instant now = clock_.now();
    incoming.handled.reply =
        DownlinkMessage{std::move(route), now,
                        downlink::TimeSyncReply{request.message_id, request.reply_topic, now}};
}

void DeviceMessages::at_once(Incoming& /*incoming*/, const uplink::Online& /*said*/) const {}

void DeviceMessages::at_once(Incoming& incoming, const uplink::Offline& /*said*/) const {
    if (incoming.is_about_carrier()) {
        presence_.said(incoming.carrier, false);
    } else {
        presence_.child_offline(incoming.message.device, incoming.carrier);
    }
}

void DeviceMessages::at_once(Incoming& incoming, const uplink::OtherUplink& other) const {
    log::debug("devices", "message device={} type={}", incoming.message.device, other.message_type);
}

/// The hot path: one read of the device's records and one update.
bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming,
                            const uplink::UpgradeProgress& progress) {
    const std::vector<UpgradeRecord> records = work.records().of_device(incoming.message.device);
    const auto meant = match_progress(records, progress.firmware_id, progress.version);
    if (!meant) {
        counters_.unmatched.fetch_add(1, std::memory_order_relaxed);
        log::debug("devices", "progress without a record device={} version={}",
                   incoming.message.device, progress.version);
        return false;
    }
    const UpgradeRecord& record = records[*meant];
    const event::Progressed event{progress.report, another_is_processing(records, *meant)};
    const RecordChanges::Said said{log_type::upgrade_firmware_progress, log_content(incoming)};
    const Transition transition = changes_.apply(work, record, event, said);
    if (!transition.changed) {
        return false;
    }
    if (transition.record.state == record.state && progress_log_is_due(record.id)) {
        log_line(work, incoming, said.type, transition.record);
    }
    return true;
}

bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming,
                            const uplink::UpgradeReply& reply) {
    const std::vector<UpgradeRecord> records = work.records().of_device(incoming.message.device);
    const auto meant = match_reply(records, reply.message_id);
    if (!meant) {
        counters_.unmatched.fetch_add(1, std::memory_order_relaxed);
        return false;
    }
    const event::Replied event{reply.success, reply.code, reply.message};
    const RecordChanges::Said said{log_type::upgrade_firmware_reply, log_content(incoming)};
    const Transition transition = changes_.apply(work, records[*meant], event, said);
    if (transition.changed && transition.record.state == records[*meant].state) {
        log_line(work, incoming, said.type, transition.record);
    }
    return transition.changed;
}

bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming,
                            const uplink::FirmwareReport& report) {
    const std::optional<Device> device = work.devices().find(incoming.message.device);
    return device &&
           take_version(work, incoming, *device,
                        {report.version, &report.properties, log_type::report_firmware, false});
}

bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming,
                            const uplink::FirmwareReadReply& reply) {
    if (!reply.success) {
        return false;  // the device cannot say
    }
    const std::optional<Device> device = work.devices().find(incoming.message.device);
    return device &&
           take_version(work, incoming, *device,
                        {reply.version, &reply.properties, log_type::read_firmware_reply, false});
}

/// T14, T15, T20: what the device runs now, and every record that this settles.
bool DeviceMessages::take_version(UnitOfWork& work, const Incoming& incoming, const Device& device,
                                  const Reported& reported) {
    if (reported.version.empty()) {
        return false;
    }
    const auto firmware = work.firmwares().find_by_version(device.product, reported.version);
    FirmwareInfo info{reported.version, {}, {}, clock_.now()};
    if (firmware) {
        info.version_order = firmware->version_order;
    }
    const bool same_version = device.firmware && device.firmware->version == info.version;
    if (reported.properties != nullptr) {
        info.properties = *reported.properties;
    } else if (same_version) {
        info.properties = device.firmware->properties;
    }
    bool changed = !same_version || device.firmware->version_order != info.version_order ||
                   device.firmware->properties != info.properties;
    if (changed) {
        work.devices().set_firmware(device.id, info);
    }
    bool logged = reported.log_type.empty();
    if (!reported.only_store) {
        std::optional<RecordChanges::Said> said;
        if (!logged) {
            said = {reported.log_type, log_content(incoming)};
        }
        const std::vector<UpgradeRecord> records = work.records().of_device(device.id);
        std::vector<UpgradeRecord> meant;
        for (const std::size_t index : match_report(records, device.product, reported.version)) {
            meant.push_back(records[index]);
        }
        for (const Transition& each :
             changes_.apply_to_all(work, meant, event::VersionReported{reported.version}, said)) {
            if (each.changed) {
                logged = changed = true;
            }
        }
    }
    if (changed && !logged) {
        log_line(work, incoming, reported.log_type, std::nullopt);
    }
    return changed;
}

/// A gateway introduces a child: it is added, or a device without a gateway is given to it.
bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming,
                            const uplink::Register& registration) {
    if (incoming.is_about_carrier() || !options_.register_children) {
        return false;
    }
    const DeviceId& id = incoming.message.device;
    const std::optional<Device> gateway = work.devices().find(incoming.carrier);
    const std::optional<Device> known = work.devices().find(id);
    if (known && known->parent == incoming.carrier) {
        return false;
    }
    const ProductId product_id = known ? known->product : ProductId{registration.product_id};
    const std::optional<Product> product = work.products().find(product_id);
    const bool welcome =
        gateway && gateway->device_type == DeviceType::gateway && product && product->enabled &&
        product->device_type == DeviceType::children_device &&
        (known ? !known->parent : checked_enrolled_id(id.value).has_value()) &&
        work.devices().children_of(incoming.carrier).size() < options_.children_per_gateway_max;
    if (!welcome) {
        incoming.accepted = false;
        counters_.foreign_device.fetch_add(1, std::memory_order_relaxed);
        log::info("devices", "registration refused device={} gateway={} product={}", id,
                  incoming.carrier, product_id);
        return false;
    }
    if (known) {
        Device moved = *known;
        moved.parent = incoming.carrier;
        work.devices().update(moved);
    } else {
        Device child;
        child.id = id;
        child.name = registration.name.empty() ? id.value : cut(registration.name, 64);
        child.product = product_id;
        child.device_type = DeviceType::children_device;
        child.parent = incoming.carrier;
        child.state = DeviceState::offline;
        child.created_at = clock_.now();
        child.registered_at = child.created_at;
        work.devices().add(child);
    }
    presence_.adopt(id, incoming.carrier);
    return true;
}

/// The gateway gives a child back: it stays a device, but nobody speaks for it any more.
bool DeviceMessages::change(UnitOfWork& work, Incoming& incoming, const uplink::Unregister&) {
    std::optional<Device> child = work.devices().find(incoming.message.device);
    if (incoming.is_about_carrier() || !child || child->parent != incoming.carrier) {
        return false;
    }
    child->parent.reset();
    work.devices().update(*child);
    work.after_commit([this, id = child->id, gateway = incoming.carrier] {
        presence_.child_offline(id, gateway);
        presence_.forget(id);
    });
    return true;
}

void DeviceMessages::log_line(UnitOfWork& work, const Incoming& incoming, std::string_view type,
                              const std::optional<UpgradeRecord>& record) {
    DeviceLogEntry line{ids_.next(),
                        incoming.message.device,
                        std::string(type),
                        clock_.now(),
                        std::string(log_content(incoming)),
                        {},
                        {}};
    if (record) {
        line.record = record->id;
        line.step = step_of(*record, false);
    }
    work.device_logs().add(line);
}

std::string_view DeviceMessages::log_content(const Incoming& incoming) const {
    return cut(incoming.message.payload, options_.log_content_bytes_max);
}

bool DeviceMessages::progress_log_is_due(const RecordId& record) {
    const Instant now = clock_.now();
    const std::lock_guard lock(log_mutex_);
    if (last_progress_log_.size() >= options_.progress_log_records_max) {
        last_progress_log_.clear();  // costs a line too many now and then
    }
    const auto [last, is_first] = last_progress_log_.try_emplace(record, now);
    if (!is_first && now - last->second < options_.progress_log_every) {
        return false;
    }
    last->second = now;
    return true;
}

}  // namespace updraft
