#include "simulator/virtual_device.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/bytes.hpp"

namespace updraft::simulator {

namespace {

/// The download is the way to here, the installation the rest.
constexpr int downloaded_percent = 80;
constexpr int fetch_failures_max = 5;
constexpr std::size_t kept_max = 32;
/// A connection that lasts shorter counts as a failed one: the server throws us out.
constexpr milliseconds short_session{5'000};

milliseconds until(SteadyClock::time_point moment) {
    const auto left = std::chrono::ceil<milliseconds>(moment - SteadyClock::now());
    return std::max(left, milliseconds(0));
}

int percent_of(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<int>(std::min(part, whole) * 100 / whole);
}

}  // namespace

VirtualDevice::VirtualDevice(FleetContext& fleet, Shard& shard, std::string id, std::string version,
                             std::uint64_t seed)
    : fleet_(fleet),
      shard_(shard),
      id_(std::move(id)),
      version_(std::move(version)),
      dice_(seed),
      work_(shard) {}

Instant VirtualDevice::now() const {
    return SystemClock().now();
}

std::string VirtualDevice::topic(std::string_view rest) const {
    return fmt::format("/{}/{}/{}", fleet_.options.product_id, id_, rest);
}

milliseconds VirtualDevice::latency() {
    return dice_.between(fleet_.options.latency_min, fleet_.options.latency_max);
}

mqtt::Connect VirtualDevice::connect_packet() const {
    const FleetOptions& options = fleet_.options;
    Credentials credentials = sign_in(options.secure_id, options.secure_key, now());
    mqtt::Connect connect;
    connect.version = options.level == MqttLevel::v5 ? mqtt::Version::v5 : mqtt::Version::v3_1_1;
    connect.client_id = id_;
    connect.keep_alive_s = static_cast<std::uint16_t>(options.keep_alive.count());
    connect.username = std::move(credentials.username);
    connect.password = std::move(credentials.password);
    return connect;
}

awaitable<void> VirtualDevice::run() {
    const FleetOptions& options = fleet_.options;
    SSL_CTX* const tls = options.mqtt_tls ? fleet_.tls.get() : nullptr;
    Pause pause(shard_);
    int failures = 0;
    while (!shard_.stopping()) {
        const milliseconds away = until(away_until_);
        co_await pause.wait(away);
        const milliseconds turn = shard_.take_connect_turn();
        const bool go_on = co_await pause.wait(turn);
        if (!go_on) {
            break;
        }
        const Endpoint endpoint = options.mqtt;
        mqtt::Connect connect = connect_packet();
        const Opened opened = co_await MqttSession::open(shard_, endpoint, tls, std::move(connect),
                                                         options.io_deadline);
        const auto opened_at = SteadyClock::now();
        if (opened.session) {
            co_await serve(opened.session);
        } else if (!shard_.stopping()) {
            ++(opened.failure == OpenFailure::refused ? fleet_.counters.sign_ins_refused
                                                      : fleet_.counters.connects_failed);
        }
        const bool went_away = until(away_until_).count() > 0;
        const bool lasted = opened.session && SteadyClock::now() - opened_at >= short_session;
        failures = went_away || lasted ? 0 : failures + 1;
        if (!went_away) {
            const milliseconds wait = backoff(dice_, std::max(failures - 1, 0),
                                              options.reconnect_min, options.reconnect_max);
            co_await pause.wait(wait);
        }
    }
}

awaitable<void> VirtualDevice::serve(std::shared_ptr<MqttSession> session) {
    const Gauge connected(fleet_.counters.connected);
    ++fleet_.counters.connects;
    session_ = session;
    greet(*session);
    shard_.start("device pulse", pulse(session));
    for (;;) {
        std::optional<mqtt::Packet> packet = co_await session->next();
        if (!packet) {
            break;
        }
        if (auto* const publish = std::get_if<mqtt::Publish>(&*packet)) {
            ++fleet_.counters.messages_received;
            co_await handle(std::move(*publish));
        } else if (const auto* const ack = std::get_if<mqtt::Ack>(&*packet)) {
            acknowledged(ack->packet_id);
        }
    }
    session_ = nullptr;
}

void VirtualDevice::greet(MqttSession& session) {
    const FleetOptions& options = fleet_.options;
    if (options.subscribe_qos) {
        session.subscribe(topic("#"), *options.subscribe_qos);
    }
    // First what an upgrade ended with, then the version it led to: so the server counts the result
    // that the device gave, not the one it infers.
    std::vector<Kept> again = std::exchange(kept_, {});
    for (Kept& uplink : again) {
        tell(uplink.rest, std::move(uplink.body), Keep::until_acknowledged);
    }
    tell("firmware/report", report_body(version_, now()), Keep::no);
}

void VirtualDevice::tell(std::string_view rest, std::string body, Keep keep) {
    std::uint16_t id = 0;
    bool sent = false;
    if (session_ && session_->is_open()) {
        id = session_->publish(topic(rest), body, fleet_.options.uplink_qos);
        sent = true;
        ++fleet_.counters.messages_sent;
    }
    const bool acknowledged_later = !sent || id != 0;
    if (keep == Keep::until_acknowledged && acknowledged_later && kept_.size() < kept_max) {
        kept_.push_back(Kept{id, std::string(rest), std::move(body)});
    }
}

void VirtualDevice::acknowledged(std::uint16_t packet_id) {
    std::erase_if(kept_, [&](const Kept& uplink) { return uplink.packet_id == packet_id; });
}

awaitable<void> VirtualDevice::handle(mqtt::Publish publish) {
    std::optional<Downlink> downlink = parse_downlink(publish.topic, publish.payload);
    if (!downlink) {
        co_return;
    }
    switch (downlink->kind) {
        case Downlink::Kind::upgrade:
            if (downlink->order) {
                take_order(std::move(*downlink->order), Source::push);
            }
            break;
        case Downlink::Kind::pull_reply:
            if (downlink->order && !upgrading_) {
                take_order(std::move(*downlink->order), Source::pull);
            }
            break;
        case Downlink::Kind::read_firmware: {
            Pause pause(shard_);
            const milliseconds wait = latency();
            co_await pause.wait(wait);
            tell("firmware/read/reply", read_reply_body(downlink->message_id, version_, now()),
                 Keep::no);
            break;
        }
        case Downlink::Kind::other:
            break;
    }
}

awaitable<void> VirtualDevice::pulse(std::shared_ptr<MqttSession> session) {
    const FleetOptions& options = fleet_.options;
    const milliseconds keep_alive = options.keep_alive;
    const milliseconds never = std::chrono::hours(24);
    const milliseconds ping_after = keep_alive.count() > 0 ? keep_alive * 3 / 4 : never;
    const milliseconds lost_after = keep_alive.count() > 0 ? keep_alive * 2 : never;
    // The fleet does not pull in step.
    auto pull_at = SteadyClock::now() + never;
    if (options.pull_interval) {
        pull_at = SteadyClock::now() + dice_.between(milliseconds(0), *options.pull_interval);
    }
    while (session->is_open()) {
        const auto ping_at = session->last_sent() + ping_after;
        const milliseconds wait = std::max(until(std::min(ping_at, pull_at)), milliseconds(1));
        const bool go_on = co_await session->pulse().wait(wait);
        if (!go_on || !session->is_open()) {
            break;
        }
        const auto moment = SteadyClock::now();
        if (moment - session->last_received() > lost_after) {
            session->drop();
        } else if (moment >= pull_at) {
            pull_at = moment + *options.pull_interval;
            if (!upgrading_) {
                pull();
            }
        } else if (moment >= session->last_sent() + ping_after) {
            session->ping();
        }
    }
}

void VirtualDevice::pull() {
    ++pulls_;
    const PullOrder order = fleet_.options.pull_latest ? PullOrder::latest : PullOrder::sequential;
    tell("firmware/pull", pull_body(std::to_string(pulls_), version_, order, now()), Keep::no);
}

void VirtualDevice::take_order(UpgradeOrder order, Source source) {
    const bool repeat =
        source == Source::push && !order.message_id.empty() && order.message_id == last_order_id_;
    if (repeat) {
        // The server has not heard our answer: the first one was lost with its connection (T25).
        tell("firmware/upgrade/reply", accept_body(order.message_id, now()), Keep::no);
        return;
    }
    if (source == Source::push) {
        last_order_id_ = order.message_id;
    }
    if (upgrading_) {
        next_order_ = std::move(order);
        next_source_ = source;
        work_.wake();
        return;
    }
    upgrading_ = true;
    shard_.start("upgrade", upgrade(std::move(order), source));
}

awaitable<void> VirtualDevice::upgrade(UpgradeOrder order, Source source) {
    const Gauge upgrading(fleet_.counters.upgrading);
    for (;;) {
        shown_percent_ = 0;
        const Step step = co_await carry_out(order, source);
        if (step == Step::done) {
            ++fleet_.counters.succeeded;
        }
        if (!next_order_ || shard_.stopping()) {
            break;
        }
        order = *std::exchange(next_order_, std::nullopt);
        source = next_source_;
    }
    upgrading_ = false;
    if (fleet_.options.pull_interval && session_) {
        pull();  // the next version may be waiting already
    }
}

awaitable<VirtualDevice::Step> VirtualDevice::carry_out(const UpgradeOrder& order, Source source) {
    const UpgradePlan plan =
        plan_upgrade(fleet_.options.behaviour, dice_, failed_version_ == order.version);
    const milliseconds reaction = latency();
    const bool go_on = co_await work_.wait(reaction);
    if (!go_on || next_order_) {
        co_return Step::superseded;
    }
    const bool refuses = plan.outcome == UpgradePlan::Outcome::refuse;
    if (source == Source::push && refuses) {
        failed_version_ = order.version;
        ++fleet_.counters.refused;
        tell("firmware/upgrade/reply", refuse_body(order.message_id, plan.code, plan.reason, now()),
             Keep::until_acknowledged);
        co_return Step::failed;
    }
    if (source == Source::push) {
        tell("firmware/upgrade/reply", accept_body(order.message_id, now()), Keep::no);
    }
    if (order.version == version_ && !order.force) {
        succeed(order);
        co_return Step::done;
    }
    const Step downloaded = co_await download(order, plan);
    if (downloaded != Step::done) {
        co_return downloaded;
    }
    const Step installed = co_await install(order, plan);
    if (installed != Step::done) {
        co_return installed;
    }
    co_await reboot(order);
    succeed(order);
    co_return Step::done;
}

awaitable<VirtualDevice::Step> VirtualDevice::download(const UpgradeOrder& order,
                                                       const UpgradePlan& plan) {
    const std::optional<Url> url = client::parse_url(order.url);
    if (!url) {
        co_return fail(order, "下载地址无效");
    }
    const bool is_md5 = equals_ignoring_case(order.sign_method, "md5");
    Download file(*url, is_md5 ? DigestKind::md5 : DigestKind::sha256);
    const Step fetched = co_await fetch_all(file, order, plan);
    if (fetched != Step::done) {
        co_return fetched;
    }
    if (order.size_bytes > 0 && file.received() != static_cast<std::uint64_t>(order.size_bytes)) {
        co_return fail(order, fmt::format("固件大小不一致: {} 字节, 应为 {} 字节", file.received(),
                                          order.size_bytes));
    }
    if (plan.outcome == UpgradePlan::Outcome::fail_verification) {
        file.spoil();
    }
    const std::string digest = file.digest_hex();
    if (!order.sign.empty() && !equals_ignoring_case(digest, order.sign)) {
        co_return fail(order, "校验失败");
    }
    co_return Step::done;
}

awaitable<VirtualDevice::Step> VirtualDevice::fetch_all(Download& file, const UpgradeOrder& order,
                                                        const UpgradePlan& plan) {
    const FleetOptions& options = fleet_.options;
    std::optional<int> drop_at = plan.offline_at_percent;
    int failures = 0;
    for (;;) {
        const std::uint64_t before = file.received();
        const FetchResult result = co_await fetch_once(file, order, drop_at);
        if (shard_.stopping() || next_order_) {
            co_return Step::superseded;
        }
        if (result.end == FetchEnd::complete) {
            co_return Step::done;
        }
        if (result.end == FetchEnd::refused) {
            co_return fail(order, fmt::format("下载失败: HTTP {}", result.status));
        }
        if (result.end == FetchEnd::dropped) {
            drop_at.reset();
            const milliseconds away = dice_.between(options.offline_min, options.offline_max);
            if (session_) {
                session_->drop();
            }
            co_await stay_away(away);
        } else {
            failures = file.received() > before ? 1 : failures + 1;
            if (failures > fetch_failures_max) {
                co_return fail(order, "下载中断");
            }
            const milliseconds wait =
                backoff(dice_, failures - 1, options.reconnect_min, options.reconnect_max);
            co_await work_.wait(wait);
        }
        if (file.received() > 0) {
            ++fleet_.counters.downloads_resumed;
        }
    }
}

awaitable<FetchResult> VirtualDevice::fetch_once(Download& file, const UpgradeOrder& order,
                                                 std::optional<int> drop_at) {
    const bool entered = co_await shard_.enter_download();
    if (!entered) {
        co_return FetchResult{};
    }
    struct Place {
        Shard& shard;
        ~Place() { shard.leave_download(); }
    };
    const Place place{shard_};
    const Gauge downloading(fleet_.counters.downloading);
    const auto go_on = [&](std::size_t bytes) {
        fleet_.counters.bytes_downloaded += bytes;
        const auto named = static_cast<std::uint64_t>(std::max<std::int64_t>(order.size_bytes, 0));
        const int percent = percent_of(file.received(), file.total().value_or(named));
        show_progress(order, percent * downloaded_percent / 100);
        const bool drops = drop_at && percent >= *drop_at && percent < 100;
        return !drops && !next_order_;
    };
    FetchLimits limits;
    limits.bytes_per_second = fleet_.options.download_bytes_per_second;
    limits.deadline = fleet_.options.io_deadline;
    limits.tls = fleet_.tls.get();
    const std::function<bool(std::size_t)> on_bytes = go_on;
    const FetchResult result = co_await fetch(shard_, file, limits, on_bytes);
    co_return result;
}

awaitable<VirtualDevice::Step> VirtualDevice::install(const UpgradeOrder& order,
                                                      const UpgradePlan& plan) {
    constexpr int slices = 10;
    const bool fails = plan.outcome == UpgradePlan::Outcome::fail_installation;
    const milliseconds slice = fleet_.options.install_time / slices;
    for (int done = 1; done <= slices; ++done) {
        const bool go_on = co_await work_.wait(slice);
        if (!go_on || next_order_) {
            co_return Step::superseded;
        }
        const int percent = downloaded_percent + done * (99 - downloaded_percent) / slices;
        if (fails && percent >= plan.fail_at_percent) {
            co_return fail(order, plan.reason);
        }
        show_progress(order, percent);
    }
    co_return Step::done;
}

awaitable<void> VirtualDevice::reboot(const UpgradeOrder& order) {
    if (fleet_.options.reboot_time) {
        if (session_) {
            session_->disconnect();
        }
        co_await stay_away(*fleet_.options.reboot_time);
    }
    version_ = order.version;
}

awaitable<void> VirtualDevice::stay_away(milliseconds duration) {
    away_until_ = SteadyClock::now() + duration;
    Pause pause(shard_);
    co_await pause.wait(duration);
}

VirtualDevice::Step VirtualDevice::fail(const UpgradeOrder& order, std::string_view reason) {
    failed_version_ = order.version;
    ++fleet_.counters.failed;
    const Progress progress{shown_percent_, true, false, reason};
    tell("firmware/upgrade/progress", progress_body(order, progress, now()),
         Keep::until_acknowledged);
    return Step::failed;
}

void VirtualDevice::succeed(const UpgradeOrder& order) {
    const Progress progress{100, true, true, {}};
    tell("firmware/upgrade/progress", progress_body(order, progress, now()),
         Keep::until_acknowledged);
    // After a reboot the device is on its way back: then its greeting reports.
    if (session_) {
        tell("firmware/report", report_body(version_, now()), Keep::no);
    }
}

void VirtualDevice::show_progress(const UpgradeOrder& order, int percent) {
    const int step = 100 / std::clamp(fleet_.options.progress_steps, 1, 100);
    if (percent / step <= shown_percent_ / step) {
        return;
    }
    shown_percent_ = percent;
    const Progress progress{percent, false, true, {}};
    tell("firmware/upgrade/progress", progress_body(order, progress, now()), Keep::no);
}

}  // namespace updraft::simulator
