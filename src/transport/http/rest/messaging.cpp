#include "transport/http/rest/messaging.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "app/access_service.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/tasks.hpp"

namespace updraft::rest {
namespace {

constexpr std::string_view notifications_topic = "/notifications";
constexpr std::string_view status_topic = "/dashboard/device/status/change/realTime";
constexpr std::string_view task_topics = "/firmware/task/";
constexpr std::string_view device_topics = "/device/";

/// Each multiplies the work of matching.
constexpr std::size_t deep_wildcards_max = 2;

std::size_t count_of(std::string_view text, std::string_view part) {
    std::size_t count = 0;
    for (auto at = text.find(part); at != std::string_view::npos;
         at = text.find(part, at + part.size())) {
        ++count;
    }
    return count;
}

/// The first segment of a topic, taken off it.
std::string_view take_segment(std::string_view& rest) {
    const auto slash = std::min(rest.find('/'), rest.size());
    const std::string_view segment = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    return segment;
}

struct Subscription {
    std::string topic;
    std::set<std::string> devices;  ///< of the status topic; empty: all
};

/// One connection. The event loop changes the subscriptions, the feed's thread reads them.
class Channel final : public LiveFeed::Watcher {
public:
    Channel(LiveFeed& feed, const Identity& identity, Language language,
            std::shared_ptr<http::WebSocketSender> sender, const MessagingOptions& options,
            std::function<Result<Identity>(LiveFeed::Round)> identify_again)
        : feed_(feed),
          identity_(identity),
          identify_again_(std::move(identify_again)),
          language_(language),
          sender_(std::move(sender)),
          options_(options) {}

    void handle(const std::string& text);

    bool may_watch(LiveFeed::Round round) override;
    void end() override { sender_->close(); }
    bool wants_task(const TaskId& task, const FirmwareId& /*firmware*/) override {
        return any_matches(fmt::format("{}{}", task_topics, task));
    }
    bool wants_record(const UpgradeRecord& /*record*/) override { return false; }
    bool wants_devices() override {
        const std::lock_guard lock(mutex_);
        return !subscriptions_.empty();
    }
    bool on_task(const TaskRow& row) override {
        return publish(fmt::format("{}{}", task_topics, row.task.id), [&](const Subscription&) {
            return json::value(task_detail_json(row, language_));
        });
    }
    bool on_record(const RecordRow& /*row*/) override { return true; }
    bool on_device(const live::DeviceStateChanged& change, Instant at) override;
    bool on_message(const live::DeviceMessageSeen& message, Instant at) override;

private:
    void subscribe(const std::string& id, const json::object& message);
    void unsubscribe(const std::string& id);
    [[nodiscard]] std::optional<Text> refusal_of(const std::string& topic) const;
    void send_not_signed_in();
    [[nodiscard]] bool any_matches(std::string_view topic);
    template <class Payload>
    bool publish(const std::string& topic, Payload payload);
    bool send(const json::object& message) { return sender_->send(json::serialize(message)); }
    void send_error(const std::string& id, const std::string& topic, const Text& text) {
        json::object message{{"type", "error"}, {"message", text.in(language_)}};
        put_text(message, "requestId", id);
        put_text(message, "topic", topic);
        send(message);
    }

    LiveFeed& feed_;
    Identity identity_;  ///< guarded by mutex_
    const std::function<Result<Identity>(LiveFeed::Round)> identify_again_;
    const Language language_;
    const std::shared_ptr<http::WebSocketSender> sender_;
    const MessagingOptions options_;
    std::mutex mutex_;
    std::map<std::string, Subscription> subscriptions_;
};

void Channel::handle(const std::string& text_frame) {
    boost::system::error_code failed;
    const json::value parsed = json::parse(text_frame, failed);
    if (failed || !parsed.is_object()) {
        send_error({}, {}, text("消息不是JSON对象", "the message is not a JSON object"));
        return;
    }
    const json::object& message = parsed.get_object();
    JsonReader reader(message);
    const std::string type = reader.text("type").value_or("");
    const std::string id = reader.text("id").value_or("");
    if (type == "ping") {
        send({{"type", "pong"}});
        return;
    }
    if (id.empty() || id.size() > options_.id_bytes_max) {
        send_error({}, {},
                   id.empty() ? text("id不能为空", "id must not be empty")
                              : text("id过长", "the id is too long"));
        return;
    }
    if (type == "sub") {
        subscribe(id, message);
    } else if (type == "unsub") {
        unsubscribe(id);
    } else {
        send_error(id, {}, text("不支持的类型: {}", "unknown type: {}", type));
    }
}

/// Drops what the person may no longer see; closes when the sign-in has ended.
bool Channel::may_watch(LiveFeed::Round round) {
    if (!identify_again_) {
        return true;
    }
    Result<Identity> identity = identify_again_(round);
    if (!identity) {
        send_not_signed_in();
        return false;
    }
    const std::lock_guard lock(mutex_);
    identity_ = *std::move(identity);
    std::erase_if(subscriptions_,
                  [&](const auto& each) { return refusal_of(each.second.topic).has_value(); });
    return true;
}

void Channel::send_not_signed_in() {
    send({{"type", "authError"}, {"message", text("认证失败", "not signed in").in(language_)}});
    sender_->close();
}

/// Nothing, or why the topic cannot be had. Under mutex_.
std::optional<Text> Channel::refusal_of(const std::string& topic) const {
    const auto lacks = [&](std::string_view resource) -> std::optional<Text> {
        if (identity_.may(std::string(resource), std::string(permission::query))) {
            return std::nullopt;
        }
        return text("当前用户无权限[{}]:{}", "you lack the permission [{}]:{}", resource,
                    permission::query);
    };
    if (topic == notifications_topic) {
        return std::nullopt;
    }
    if (topic.starts_with(task_topics)) {
        return lacks(permission::upgrade_task);
    }
    if (topic == status_topic || topic.starts_with(device_topics)) {
        return lacks(permission::device);
    }
    return text("不支持的topic: {}", "unknown topic: {}", topic);
}

void Channel::subscribe(const std::string& id, const json::object& message) {
    JsonReader reader(message);
    Subscription subscription{reader.text("topic").value_or(""), {}};
    const std::string topic = subscription.topic;
    if (topic.empty() || topic.size() > options_.topic_bytes_max) {
        send_error(id, {}, text("topic为空或过长", "the topic is empty or too long"));
        return;
    }
    if (count_of(topic, "**") > deep_wildcards_max) {
        send_error(id, topic, text("topic中**过多", "too many ** in the topic"));
        return;
    }
    const auto refusal = [&] {
        const std::lock_guard lock(mutex_);
        return refusal_of(topic);
    }();
    if (refusal) {
        send_error(id, topic, *refusal);
        return;
    }
    if (const json::value* parameter = message.if_contains("parameter");
        parameter != nullptr && parameter->is_object()) {
        JsonReader parameters(parameter->get_object());
        for (const std::string& device :
             parameters.texts("deviceId").value_or(std::vector<std::string>{})) {
            subscription.devices.insert(device);
        }
    }
    bool too_many = false;
    {
        const std::lock_guard lock(mutex_);
        if (subscriptions_.contains(id)) {
            return;  // a repeated sub with a live id is ignored
        }
        too_many = subscriptions_.size() >= options_.subscriptions_max;
        if (!too_many) {
            subscriptions_.emplace(id, std::move(subscription));
        }
    }
    if (too_many) {
        send_error(id, topic,
                   text("订阅过多，最多{}个", "too many subscriptions, at most {}",
                        options_.subscriptions_max));
    } else if (topic.starts_with(task_topics) && topic.find('*') == std::string::npos) {
        feed_.tell_task(TaskId(topic.substr(task_topics.size())));
    }
}

void Channel::unsubscribe(const std::string& id) {
    bool was_there = false;
    {
        const std::lock_guard lock(mutex_);
        was_there = subscriptions_.erase(id) > 0;
    }
    if (was_there) {
        send({{"type", "complete"}, {"requestId", id}});
    }
}

bool Channel::any_matches(std::string_view topic) {
    const std::lock_guard lock(mutex_);
    return std::ranges::any_of(
        subscriptions_, [&](const auto& each) { return topic_matches(each.second.topic, topic); });
}

/// Sends `payload(subscription)` to each subscription that the topic matches; a null payload to
/// none.
template <class Payload>
bool Channel::publish(const std::string& topic, Payload payload) {
    std::vector<json::object> messages;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [id, subscription] : subscriptions_) {
            if (!topic_matches(subscription.topic, topic)) {
                continue;
            }
            json::value content = payload(subscription);
            if (!content.is_null()) {
                messages.push_back({{"type", "result"},
                                    {"requestId", id},
                                    {"topic", topic},
                                    {"payload", std::move(content)}});
            }
        }
    }
    return std::ranges::all_of(messages, [&](const json::object& each) { return send(each); });
}

bool Channel::on_device(const live::DeviceStateChanged& change, Instant at) {
    const std::string_view state = change.state == DeviceState::online ? "online" : "offline";
    const bool sent = publish(std::string(status_topic), [&](const Subscription& subscription) {
        const bool meant =
            subscription.devices.empty() || subscription.devices.contains(change.device.value);
        return meant ? json::value(
                           {{"value", json::object{{"type", state}}}, {"timestamp", to_millis(at)}})
                     : json::value(nullptr);
    });
    const std::string topic = fmt::format("/device/{}/{}/{}", change.product, change.device, state);
    return sent && publish(topic, [&](const Subscription&) {
               return json::value({{"deviceId", change.device.value},
                                   {"messageType", state == "online" ? "ONLINE" : "OFFLINE"},
                                   {"timestamp", to_millis(at)}});
           });
}

bool Channel::on_message(const live::DeviceMessageSeen& message, Instant /*at*/) {
    const std::string topic =
        fmt::format("/device/{}/{}/{}", message.product, message.device, message.kind);
    return publish(topic, [&](const Subscription&) {
        boost::system::error_code failed;
        json::value payload = json::parse(message.payload, failed);
        return failed ? json::value(json::string(message.payload)) : payload;
    });
}

/// What the server holds of the connection; the feed holds the channel.
class Connection final : public http::WebSocketHandler {
public:
    Connection(LiveFeed& feed, std::shared_ptr<Channel> channel)
        : channel_(std::move(channel)), watching_(feed.watch(channel_)) {}

    [[nodiscard]] bool is_watching() const { return watching_ != nullptr; }
    void on_text(std::string text) override { channel_->handle(text); }
    void on_close() override { watching_.reset(); }

private:
    const std::shared_ptr<Channel> channel_;
    std::shared_ptr<void> watching_;
};

/// Refuses in the channel's own words, because a console cannot read a refused upgrade's answer.
class Refused final : public http::WebSocketHandler {
public:
    void on_text(std::string /*text*/) override {}
    void on_close() override {}
};

}  // namespace

bool topic_matches(std::string_view pattern, std::string_view topic) {
    while (!pattern.empty()) {
        const std::string_view part = take_segment(pattern);
        if (part == "**") {
            if (pattern.empty()) {
                return true;
            }
            while (!topic.empty()) {
                if (topic_matches(pattern, topic)) {
                    return true;
                }
                take_segment(topic);
            }
            return false;
        }
        if (topic.empty()) {
            return false;
        }
        const std::string_view said = take_segment(topic);
        if (part != "*" && part != said) {
            return false;
        }
    }
    return topic.empty();
}

std::shared_ptr<http::WebSocketHandler> open_messaging(
    LiveFeed& feed, const Identity& identity, Language language,
    std::shared_ptr<http::WebSocketSender> sender, const MessagingOptions& options,
    std::function<Result<Identity>(LiveFeed::Round)> identify_again) {
    auto connection = std::make_shared<Connection>(
        feed, std::make_shared<Channel>(feed, identity, language, sender, options,
                                        std::move(identify_again)));
    if (!connection->is_watching()) {
        sender->close();
    }
    return connection;
}

void messaging_routes(Api& api, LiveFeed& feed, MessagingOptions options) {
    api.router().add_websocket(
        "/messaging/{token}",
        [&api, &feed, options](const http::Request& request,
                               std::shared_ptr<http::WebSocketSender> sender)
            -> std::variant<std::shared_ptr<http::WebSocketHandler>, http::Response> {
            const auto identify = [&api, token = request.parameter("token")](LiveFeed::Round why) {
                return why == LiveFeed::Round::telling ? api.access().identify(token)
                                                       : api.access().look(token);
            };
            const Result<Identity> identity = identify(LiveFeed::Round::telling);
            if (!identity) {
                sender->send(json::serialize(json::object{
                    {"type", "authError"},
                    {"message", text("认证失败", "not signed in").in(request.language())}}));
                sender->close();
                return std::make_shared<Refused>();
            }
            return open_messaging(feed, *identity, request.language(), std::move(sender), options,
                                  identify);
        });
}

}  // namespace updraft::rest
