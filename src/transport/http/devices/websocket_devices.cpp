#include "transport/http/devices/websocket_devices.hpp"

#include "base/log.hpp"
#include "transport/http/url.hpp"

namespace updraft::device_http {

/// One connection. Its handler lives on an event loop; messages end and downlinks come on any
/// thread.
class WebSocketDevices::Link : public std::enable_shared_from_this<Link> {
public:
    Link(WebSocketDevices& gateway, SignedInDevice device,
         std::shared_ptr<http::WebSocketSender> sender)
        : gateway_(gateway), device_(std::move(device)), sender_(std::move(sender)) {}

    [[nodiscard]] const SignedInDevice& device() const { return device_; }

    void take(std::string text);
    void send(DownlinkMessage message, const std::function<void(bool)>& done);
    [[nodiscard]] bool is_full() const {
        const std::lock_guard lock(mutex_);
        return in_flight_ >= gateway_.options_.uplinks_in_flight_max;
    }
    void when_room(std::function<void()> resume);
    /// Nothing more goes in or out; the peer is told. Once.
    void end(const std::string& reason);

private:
    void hand_in(UplinkMessage message);
    void on_handled(DeviceInbox::Handled handled);
    void finished_one();

    WebSocketDevices& gateway_;
    const SignedInDevice device_;
    const std::shared_ptr<http::WebSocketSender> sender_;
    std::atomic<bool> ended_{false};
    mutable std::mutex mutex_;
    std::size_t in_flight_ = 0;     ///< guarded by mutex_
    std::function<void()> resume_;  ///< guarded by mutex_
};

void WebSocketDevices::Link::take(std::string text) {
    if (ended_) {
        return;
    }
    gateway_.counters_.messages_in.fetch_add(1, std::memory_order_relaxed);
    {
        const std::lock_guard lock(mutex_);
        ++in_flight_;
    }
    const auto decoded = [self = shared_from_this()](Result<DecodedUplinks> message) {
        if (message && *message) {
            self->hand_in(std::move(**message));
            return;
        }
        if (message) {
            self->gateway_.counters_.unknown.fetch_add(1, std::memory_order_relaxed);
            log::debug("websocket", "unknown message device={}", self->device_.id);
        } else {
            self->gateway_.counters_.undecodable.fetch_add(1, std::memory_order_relaxed);
            log::info("websocket", "message dropped device={} why=\"{}\"", self->device_.id,
                      message.error().message.en);
        }
        self->finished_one();
    };
    gateway_.dialects_.decode(device_, {}, std::move(text), decoded);
}

void WebSocketDevices::Link::hand_in(UplinkMessage message) {
    gateway_.inbox_.handle(device_.id, std::move(message),
                           [self = shared_from_this()](DeviceInbox::Handled handled) {
                               self->on_handled(std::move(handled));
                           });
}

void WebSocketDevices::Link::on_handled(DeviceInbox::Handled handled) {
    if (!handled.stored) {
        gateway_.counters_.not_stored.fetch_add(1, std::memory_order_relaxed);
        end("a message could not be stored");
    } else if (handled.reply) {
        send(*std::move(handled.reply), {});
    }
    finished_one();
}

void WebSocketDevices::Link::finished_one() {
    std::function<void()> resume;
    {
        const std::lock_guard lock(mutex_);
        --in_flight_;
        resume = std::exchange(resume_, {});
    }
    if (resume) {
        resume();
    }
}

void WebSocketDevices::Link::when_room(std::function<void()> resume) {
    {
        const std::lock_guard lock(mutex_);
        if (in_flight_ >= gateway_.options_.uplinks_in_flight_max) {
            resume_ = std::move(resume);
            return;
        }
    }
    resume();
}

void WebSocketDevices::Link::send(DownlinkMessage message, const std::function<void(bool)>& done) {
    const auto encoded = [self = shared_from_this(), done](Result<TopicMessage> frame) {
        bool written = false;
        if (!frame) {
            log::warn("websocket", "message not encoded device={} why=\"{}\"", self->device_.id,
                      frame.error().message.en);
        } else if (frame->topic.empty() && frame->payload.empty()) {
            log::debug("websocket", "the package has no words for a message device={}",
                       self->device_.id);
        } else if (!self->ended_) {
            written = self->sender_->send(std::move(frame->payload));
        }
        if (written) {
            self->gateway_.counters_.messages_out.fetch_add(1, std::memory_order_relaxed);
        }
        if (done) {
            done(written);
        }
    };
    gateway_.dialects_.encode_frame(device_.protocol, std::move(message), encoded);
}

void WebSocketDevices::Link::end(const std::string& reason) {
    if (ended_.exchange(true)) {
        return;
    }
    sender_->close();
    gateway_.leave(*this, reason);
}

/// The server's end of a connection.
class WebSocketDevices::Handler final : public http::WebSocketHandler {
public:
    explicit Handler(std::shared_ptr<Link> link) : link_(std::move(link)) {}
    ~Handler() override { link_->end("the connection ended"); }
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;

    void on_text(std::string text) override { link_->take(std::move(text)); }
    void on_close() override { link_->end("the connection ended"); }
    [[nodiscard]] bool is_full() const override { return link_->is_full(); }
    void when_room(std::function<void()> resume) override { link_->when_room(std::move(resume)); }

private:
    const std::shared_ptr<Link> link_;
};

WebSocketDevices::WebSocketDevices(const DeviceSignIn& sign_in, DeviceDialects& dialects,
                                   DeviceInbox& inbox, DeviceHttpOptions options)
    : sign_in_(sign_in), dialects_(dialects), inbox_(inbox), options_(options) {}

WebSocketDevices::~WebSocketDevices() = default;

void WebSocketDevices::routes(http::Router& router) {
    http::RouteOptions route;
    route.yields = true;
    router.add_websocket(
        "/{productId}/{deviceId}/socket",
        [this](const http::Request& request, std::shared_ptr<http::WebSocketSender> sender) {
            return open(request, std::move(sender));
        },
        route);
}

std::variant<std::shared_ptr<http::WebSocketHandler>, http::Response> WebSocketDevices::open(
    const http::Request& request, std::shared_ptr<http::WebSocketSender> sender) {
    const DeviceId id(request.parameter("deviceId"));
    const std::string token = request.query_value("token").value_or("");
    const Result<SignedInDevice> device = sign_in_.http(
        {id, {proof::Token{token}}, UnknownDevice::enroll, {}, request.remote_address});
    if (!device) {
        log::info("websocket", "device refused path={} address={} why=\"{}\"",
                  http::without_query(request.target), request.remote_address,
                  device.error().message.en);
        return sign_in_refusal(device.error(), sign_in_);
    }
    const auto link = std::make_shared<Link>(*this, *device, std::move(sender));
    enter(link, request.remote_address);
    return std::make_shared<Handler>(link);
}

WebSocketDevices::Stripe& WebSocketDevices::stripe(const DeviceId& device) const {
    return stripes_[std::hash<DeviceId>{}(device) % stripes_.size()];
}

void WebSocketDevices::enter(const std::shared_ptr<Link>& link, const std::string& address) {
    const SignedInDevice& device = link->device();
    std::shared_ptr<Link> before;
    {
        Stripe& mine = stripe(device.id);
        const std::lock_guard announcing(mine.announcing);
        {
            const std::lock_guard lookup(mine.lookup);
            before = std::exchange(mine.links[device.id], link);
        }
        counters_.devices.fetch_add(before ? 0 : 1, std::memory_order_relaxed);
        inbox_.connected(device.id, device.product, address);
    }
    log::debug("websocket", "device connected device={} address={}", device.id, address);
    if (before) {
        counters_.taken_over.fetch_add(1, std::memory_order_relaxed);
        before->end("the device connected again");
    }
}

/// Announces the end, unless a newer connection has taken over.
void WebSocketDevices::leave(const Link& link, const std::string& reason) {
    const DeviceId& id = link.device().id;
    Stripe& mine = stripe(id);
    const std::lock_guard announcing(mine.announcing);
    std::shared_ptr<Link> left;  // let go of outside the lookup's lock
    {
        const std::lock_guard lookup(mine.lookup);
        const auto found = mine.links.find(id);
        if (found == mine.links.end() || found->second.get() != &link) {
            return;
        }
        left = std::move(found->second);
        mine.links.erase(found);
    }
    counters_.devices.fetch_sub(1, std::memory_order_relaxed);
    inbox_.disconnected(id, reason);
}

std::shared_ptr<WebSocketDevices::Link> WebSocketDevices::find(const DeviceId& device) const {
    const Stripe& mine = stripe(device);
    const std::lock_guard lookup(mine.lookup);
    const auto found = mine.links.find(device);
    return found == mine.links.end() ? nullptr : found->second;
}

bool WebSocketDevices::is_connected(const DeviceId& carrier) const {
    return find(carrier) != nullptr;
}

void WebSocketDevices::send(DownlinkMessage message, std::function<void(bool written)> done) {
    if (const std::shared_ptr<Link> link = find(message.route.carrier())) {
        link->send(std::move(message), done);
    } else if (done) {
        done(false);
    }
}

void WebSocketDevices::close(const DeviceId& carrier, const std::string& reason) {
    if (const std::shared_ptr<Link> link = find(carrier)) {
        link->end(reason);
    }
}

void WebSocketDevices::close_all_of(const CredentialId& credential, const std::string& reason) {
    std::vector<std::shared_ptr<Link>> let_in;
    for (const Stripe& one : stripes_) {
        const std::lock_guard lookup(one.lookup);
        for (const auto& [device, link] : one.links) {
            if (link->device().credential == credential) {
                let_in.push_back(link);
            }
        }
    }
    for (const std::shared_ptr<Link>& link : let_in) {
        link->end(reason);
    }
}

void WebSocketDevices::each_connected(const std::function<void(const DeviceId&)>& use) const {
    std::vector<DeviceId> all;
    for (const Stripe& one : stripes_) {
        const std::lock_guard lookup(one.lookup);
        for (const auto& [device, link] : one.links) {
            all.push_back(device);
        }
    }
    for (const DeviceId& device : all) {
        use(device);
    }
}

}  // namespace updraft::device_http
