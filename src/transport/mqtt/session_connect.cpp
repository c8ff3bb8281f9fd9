#include "base/log.hpp"
#include "transport/mqtt/session.hpp"

namespace updraft::mqtt {
namespace {

/// What a refused sign-in is for MQTT: spec 4.2 knows "bad credentials" and "not now".
ReasonCode reason_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::timeout:
        case ErrorCode::unavailable:
        case ErrorCode::storage_full:
        case ErrorCode::internal:
        case ErrorCode::too_many_requests:
        case ErrorCode::device_timeout:
            return ReasonCode::server_unavailable;
        case ErrorCode::invalid_argument:
        case ErrorCode::malformed:
        case ErrorCode::unauthorized:
        case ErrorCode::token_expired:
        case ErrorCode::access_denied:
        case ErrorCode::login_failed:
        case ErrorCode::user_disabled:
        case ErrorCode::not_found:
        case ErrorCode::duplicate_key:
        case ErrorCode::referenced:
        case ErrorCode::conflict:
        case ErrorCode::too_large:
        case ErrorCode::method_not_allowed:
        case ErrorCode::unsupported_media_type:
        case ErrorCode::range_not_satisfiable:
        case ErrorCode::precondition_failed:
        case ErrorCode::device_offline:
            return ReasonCode::bad_user_name_or_password;
    }
    return ReasonCode::server_unavailable;
}

/// One sign-in on its way through the workers. Shared: the worker may outlive the connection.
struct Attempt {
    Connect connect;
    std::optional<Result<SignedInDevice>> result;
};

Result<SignedInDevice> busy() {
    return Error::of(ErrorCode::unavailable, text("服务器繁忙", "the server is busy"));
}

}  // namespace

/// From accept to CONNACK; true if the device has signed in.
net::awaitable<bool> Session::admit() {
    const milliseconds handshake_deadline = options().handshake_deadline;
    const net::IoResult shaken = co_await stream_->handshake(handshake_deadline);
    if (shaken.status != net::IoStatus::ok) {
        if (shaken.status == net::IoStatus::timed_out) {
            ++core_->counters.connect_timeouts;
        }
        co_return false;
    }
    std::optional<Connect> connect = co_await read_connect();
    if (!connect || end_) {
        co_return false;
    }
    if (const std::optional<ReasonCode> refusal = refusal_of(*connect)) {
        refuse(*refusal, connect->client_id, "by its CONNECT");
        co_return false;
    }
    Connect asked = *connect;
    const Result<SignedInDevice> device = co_await check_credentials(std::move(asked));
    if (end_) {
        co_return false;
    }
    if (!device) {
        refuse(reason_for(device.error().code), connect->client_id, device.error().message.en);
        co_return false;
    }
    establish(std::move(*connect), *device);
    co_return true;
}

/// The CONNECT, or nothing if the connection ends without one.
net::awaitable<std::optional<Connect>> Session::read_connect() {
    constexpr milliseconds at_the_door_max{5'000};
    const milliseconds connect_deadline =
        place_ == Core::Place::inside ? options().connect_deadline
                                      : std::min(options().connect_deadline, at_the_door_max);
    const Clock::time_point latest = Clock::now() + connect_deadline;
    for (;;) {
        auto next = reader_.next();
        if (const auto* error = std::get_if<PacketError>(&next)) {
            if (error->reason == ReasonCode::unsupported_protocol_version) {
                refuse(error->reason, "", error->what);
            } else {
                violate(error->reason, error->what);
            }
            co_return std::nullopt;
        }
        if (auto* packet = std::get_if<Packet>(&next)) {
            if (auto* connect = std::get_if<Connect>(packet)) {
                co_return std::move(*connect);
            }
            violate(ReasonCode::protocol_error, "the first packet is not CONNECT");
            co_return std::nullopt;
        }
        const auto left = std::chrono::ceil<milliseconds>(latest - Clock::now());
        const milliseconds deadline = std::max(left, milliseconds{1});
        const std::span<char> room = reader_.room();
        if (!fits()) {
            ++core_->counters.memory_full;
            end({ReasonCode::success, "all connections together hold too much", false});
            co_return std::nullopt;
        }
        const net::IoResult read = co_await stream_->read_some(room, deadline);
        if (read.status != net::IoStatus::ok || Clock::now() >= latest) {
            if (read.status == net::IoStatus::timed_out || read.status == net::IoStatus::ok) {
                ++core_->counters.connect_timeouts;
            }
            co_return std::nullopt;
        }
        reader_.filled(read.bytes);
    }
}

/// What can be said without looking at the credentials.
std::optional<ReasonCode> Session::refusal_of(const Connect& connect) const {
    if (core_->stopping) {
        return ReasonCode::server_unavailable;
    }
    if (place_ != Core::Place::inside) {
        return ReasonCode::quota_exceeded;
    }
    if (connect.client_id.empty()) {
        return ReasonCode::client_identifier_not_valid;  // it is the device's id
    }
    if (find(connect.properties, PropertyId::authentication_method) != nullptr) {
        return ReasonCode::bad_authentication_method;
    }
    return std::nullopt;
}

net::awaitable<Result<SignedInDevice>> Session::check_credentials(Connect connect) {
    const auto attempt = std::make_shared<Attempt>();
    attempt->connect = std::move(connect);
    std::function<void()> work = [attempt, core = core_, address = host_] {
        const Connect& asked = attempt->connect;
        attempt->result.emplace(core->sign_in(asked.client_id, asked.username.value_or(""),
                                              asked.password.value_or(""), address));
    };
    bool ran = false;
    try {
        ran = co_await core_->workers.run(std::move(work));
    } catch (const std::exception& failure) {
        log::error("mqtt", "sign-in failed client={} what={}", loggable(attempt->connect.client_id),
                   failure.what());
    }
    if (!ran || !attempt->result) {
        co_return busy();
    }
    co_return std::move(*attempt->result);
}

/// Answers a CONNECT with a refusal and ends. The text goes to the log only: a stranger shall not
/// learn which part of its credentials is wrong.
void Session::refuse(ReasonCode reason, std::string_view client_id, std::string_view why) {
    switch (reason) {
        case ReasonCode::unsupported_protocol_version:
            ++core_->counters.refused_version;
            break;
        case ReasonCode::client_identifier_not_valid:
            ++core_->counters.refused_client_id;
            break;
        case ReasonCode::server_unavailable:
            ++core_->counters.refused_unavailable;
            break;
        case ReasonCode::quota_exceeded:
            break;  // counted when it came
        default:
            ++core_->counters.refused_credentials;
            break;
    }
    log::info("mqtt", "sign-in refused client={} address={} code=0x{:02x} why={}",
              loggable(client_id), stream_->remote_address(), static_cast<unsigned>(reason), why);
    push(Connack{.session_present = false, .reason = reason, .properties = {}});
    end({ReasonCode::success, "sign-in refused", false});
}

/// The CONNACK that says yes, with the limits that MQTT 5 lets us announce.
Connack Session::accepting(const Connect& connect) {
    Connack connack;
    if (connect.version != Version::v5) {
        return connack;
    }
    const auto announce = [&](PropertyId id, std::size_t number) {
        connack.properties.push_back(number_property(id, static_cast<std::uint32_t>(number)));
    };
    announce(PropertyId::receive_maximum, options().uplinks_in_flight_max);
    announce(PropertyId::maximum_packet_size, options().packet_bytes_max);
    announce(PropertyId::topic_alias_maximum, 0);
    announce(PropertyId::subscription_identifier_available, 0);
    announce(PropertyId::shared_subscription_available, 0);
    if (find_number(connect.properties, PropertyId::session_expiry_interval).value_or(0) != 0) {
        announce(PropertyId::session_expiry_interval, 0);
    }
    const std::uint16_t cap = options().keep_alive_max_s;
    if (cap != 0 && (connect.keep_alive_s == 0 || connect.keep_alive_s > cap)) {
        announce(PropertyId::server_keep_alive, cap);
    }
    return connack;
}

/// The device is in: says so to it, to the registry and to the inbox, in that order.
void Session::establish(Connect connect, SignedInDevice device) {
    device_ = std::move(device);
    reader_.set_packet_bytes_max(options().packet_bytes_max);
    if (connect.will) {
        will_ = std::make_unique<Will>(std::move(*connect.will));
    }
    downlinks_.set_limits(
        find_number(connect.properties, PropertyId::receive_maximum).value_or(0xFFFF),
        find_number(connect.properties, PropertyId::maximum_packet_size).value_or(0xFFFF'FFFF));
    const Connack connack = accepting(connect);
    const std::uint32_t keep_alive = find_number(connack.properties, PropertyId::server_keep_alive)
                                         .value_or(connect.keep_alive_s);
    const milliseconds asked = keep_alive * options().keep_alive_unit;
    silence_max_ = keep_alive == 0
                       ? milliseconds{0}
                       : std::max(asked + options().keep_alive_grace, asked + asked / 2);
    last_traffic_ = Clock::now();
    push(connack);

    ++core_->counters.signed_in;
    ++core_->counters.devices;
    entered_ = true;
    const std::string address = stream_->remote_address();
    const std::shared_ptr<Session> before = core_->registry.enter(
        device_.id, shared_from_this(),
        [&] { core_->inbox.connected(device_.id, device_.product, address); });
    core_->remove_stranger(shared_from_this());
    log::debug("mqtt", "device signed in device={} address={}", device_.id, address);
    if (before) {
        ++core_->counters.taken_over;
        post_end(before, {ReasonCode::session_taken_over, "the device connected again", false});
    }
    if (core_->stopping) {
        end({ReasonCode::server_shutting_down, "the server stops", false});
    }
}

}  // namespace updraft::mqtt
