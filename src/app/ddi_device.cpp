#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <future>

#include "app/ddi_known.hpp"
#include "app/log_types.hpp"
#include "base/bytes.hpp"
#include "base/cut_text.hpp"

// What a device says of itself (hawkbit-ddi 7, 8, 9).
namespace updraft {
namespace {

constexpr std::size_t initiator_bytes_max = 64;  ///< as hawkBit
constexpr std::size_t remark_bytes_max = 512;

DdiTarget target_of(const Repositories& rows, const DeviceId& device) {
    DdiTarget target = rows.ddi().target(device).value_or(DdiTarget{});
    target.device = device;
    return target;
}

/// ASCII letters, digits, white space and punctuation except `~` and the back-tick.
bool is_attribute_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        const bool printable = c >= 0x20 && c < 0x7F && c != '~' && c != '`';
        return printable || (c >= '\t' && c <= '\r');
    });
}

Error bad_attribute(const std::string& key, std::size_t characters_max) {
    return Error::of(
        ErrorCode::malformed,
        text("属性 {} 不符合要求: 键和值为1至{}个ASCII字母、数字、空白或标点(不含~和`)",
             "attribute {}: a key, and a value, has at most {} ASCII letters, digits, blanks or "
             "punctuation marks other than ~ and `",
             is_utf8(key) ? key.substr(0, 32) : "?", characters_max));
}

}  // namespace

Result<DdiService::Consent> DdiService::consent(const Client& client) const {
    return store_.read([&](const Repositories& rows) -> Result<Consent> {
        Consent consent;
        consent.target = target_of(rows, client.device);
        if (const auto decision = decide(rows, client);
            decision && decision->answer.kind == Poll::Kind::confirmation) {
            consent.waiting = decision->answer.action;
            consent.change = decision->answer.change;
        }
        return consent;
    });
}

Result<void> DdiService::activate_auto_confirm(const Client& client,
                                               const ddi::AutoConfirmation& said) {
    return store_.write([&](UnitOfWork& work) -> Result<void> {
        DdiTarget target = target_of(work, client.device);
        if (target.auto_confirm) {
            return Error::of(ErrorCode::conflict,
                             text("自动确认已经开启", "auto-confirmation is active already"));
        }
        target.auto_confirm = true;
        target.auto_confirm_initiator = cut(said.initiator, initiator_bytes_max);
        target.auto_confirm_remark = cut(said.remark, remark_bytes_max);
        target.auto_confirm_at = clock_.now();
        work.ddi().put_target(target);
        for (DdiAction action : work.ddi().open_of(client.device)) {
            const std::optional<Known> found = known(work, client.device, action.number);
            if (found && found->awaits_consent()) {
                action.confirmed = true;
                work.ddi().update(action);
            }
        }
        return {};
    });
}

Result<void> DdiService::deactivate_auto_confirm(const Client& client) {
    return store_.write([&](UnitOfWork& work) -> Result<void> {
        DdiTarget target = target_of(work, client.device);
        target.auto_confirm = false;
        target.auto_confirm_initiator.clear();
        target.auto_confirm_remark.clear();
        target.auto_confirm_at.reset();
        work.ddi().put_target(target);
        return {};
    });
}

Result<void> DdiService::configure(const Client& client, const ddi::ConfigData& said) {
    struct Next {
        std::map<std::string, std::string> attributes;
        DdiTarget target;
        bool is_news = false;
    };
    const auto look = [&](const Repositories& rows) -> Result<Next> {
        const std::optional<Device> device = rows.devices().find(client.device);
        if (!device) {
            return Error::not_found("设备", "device", client.device.value);
        }
        Next next;
        UPDRAFT_TRY(next.attributes, changed_attributes(device->attributes, said));
        next.target = target_of(rows, client.device);
        next.is_news = next.target.attributes_wanted || next.attributes != device->attributes;
        next.target.attributes_wanted = false;
        return next;
    };
    UPDRAFT_TRY(const Next next, store_.read(look));
    if (!next.is_news) {
        return {};
    }
    return store_.write([&](UnitOfWork& work) -> Result<void> {
        UPDRAFT_TRY(const Next now, look(work));
        work.devices().set_attributes(client.device, now.attributes);
        work.ddi().put_target(now.target);
        return {};
    });
}

Result<std::map<std::string, std::string>> DdiService::changed_attributes(
    std::map<std::string, std::string> attributes, const ddi::ConfigData& said) const {
    using Mode = ddi::ConfigData::Mode;
    if (said.mode == Mode::replace) {
        attributes.clear();
    }
    for (const auto& [key, value] : said.data) {
        const std::size_t longest = std::max(key.size(), value ? value->size() : 0);
        if (key.empty() || longest > options_.attribute_characters_max || !is_attribute_text(key) ||
            !is_attribute_text(value.value_or(""))) {
            return bad_attribute(key, options_.attribute_characters_max);
        }
        if (said.mode == Mode::remove || !value) {
            attributes.erase(key);
        } else {
            attributes.insert_or_assign(key, *value);
        }
    }
    if (attributes.size() > options_.attributes_max) {
        return Error::of(ErrorCode::too_many_requests,
                         text("一个设备最多{}个属性", "a device has at most {} attributes",
                              options_.attributes_max));
    }
    return attributes;
}

/// A version report of another dialect: it settles records as T14 does.
Result<DdiService::Announced> DdiService::announce(const Client& client,
                                                   const ddi::InstalledSet& said) {
    struct Before {
        std::optional<Device> device;
        bool is_firmware = false;
    };
    const Before before = store_.read([&](const Repositories& rows) {
        Before found{rows.devices().find(client.device), false};
        if (found.device) {
            const auto firmware =
                rows.firmwares().find_by_version(found.device->product, said.version);
            found.is_firmware = firmware && (said.name.empty() || firmware->name == said.name);
        }
        return found;
    });
    if (!before.is_firmware) {
        return Error::not_found("固件", "firmware", fmt::format("{} {}", said.name, said.version));
    }
    UplinkMessage message;
    message.product = before.device->product;
    message.device = client.device;
    message.body = uplink::FirmwareReport{said.version, {}};
    message.payload =
        boost::json::serialize(boost::json::object{{"name", said.name}, {"version", said.version}});
    std::promise<bool> stored;
    inbox_.handle(client.device, std::move(message),
                  [&](const DeviceInbox::Handled& handled) { stored.set_value(handled.stored); });
    if (!stored.get_future().get()) {
        return Error::of(ErrorCode::unavailable,
                         text("服务器繁忙, 请稍后重试", "the server is busy, try again shortly"));
    }
    const std::optional<FirmwareInfo>& was = before.device->firmware;
    return was && was->version == said.version ? Announced::known : Announced::recorded;
}

}  // namespace updraft
