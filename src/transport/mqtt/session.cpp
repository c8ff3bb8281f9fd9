#include "transport/mqtt/session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.hpp"

namespace updraft::mqtt {

namespace asio = boost::asio;
using Token = asio::use_awaitable_t<asio::io_context::executor_type>;

std::string loggable(std::string_view text) {
    constexpr std::size_t bytes_max = 128;
    std::string shown(text.substr(0, bytes_max));
    std::ranges::replace_if(
        shown, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
    return shown;
}

Session::Session(std::shared_ptr<Core> core, std::unique_ptr<net::ByteStream> stream,
                 std::string host, Core::Place place)
    : core_(std::move(core)),
      stream_(std::move(stream)),
      host_(std::move(host)),
      place_(place),
      held_(core_->options.buffers.get()),
      reader_(core_->options.connect_bytes_max) {
    ++core_->counters.connections;
    ++core_->counters.accepted;
}

Session::~Session() {
    --core_->counters.connections;
    core_->discharge(host_, place_);
}

std::string_view Session::name() const {
    return device_.id.empty() ? std::string_view("-") : std::string_view(device_.id.value);
}

net::awaitable<void> Session::run(std::shared_ptr<Session> self) {
    try {
        const bool admitted = co_await self->admit();
        if (admitted) {
            co_await self->serve();
        }
    } catch (const std::exception& failure) {
        log::error("mqtt", "session failed device={} what={}", loggable(self->name()),
                   failure.what());
        self->end({ReasonCode::unspecified_error, "the server failed", false});
    }
    co_await self->finish();
}

/// Reads and hands in until the session is to end. While too much is under way the socket is not
/// read, so that TCP makes the device wait.
net::awaitable<void> Session::serve() {
    for (;;) {
        process_input();
        while (!end_ && !may_take_more()) {
            co_await wait_for_change();
            process_input();
        }
        note_packet_under_way();
        if (end_) {
            co_return;
        }
        const std::span<char> room = reader_.room();
        if (!fits()) {
            ++core_->counters.memory_full;
            end({ReasonCode::quota_exceeded, "all connections together hold too much", true});
            co_return;
        }
        const milliseconds deadline = patience();
        const net::IoResult read = co_await stream_->read_some(room, deadline);
        if (end_) {
            co_return;
        }
        after_read(read);
    }
}

/// How long the device may still be silent; zero for ever.
milliseconds Session::patience() const {
    Clock::time_point latest = Clock::time_point::max();
    if (silence_max_.count() != 0) {
        latest = last_traffic_ + silence_max_;
    }
    if (packet_since_) {
        latest = std::min(latest, *packet_since_ + options().packet_deadline);
    }
    if (latest == Clock::time_point::max()) {
        return milliseconds{0};
    }
    return std::max(std::chrono::ceil<milliseconds>(latest - Clock::now()), milliseconds{1});
}

/// Whether what the connection holds, and so many bytes more, fits into what all may hold together.
/// An idle one's buffer does not count: their number is limited.
bool Session::fits(std::size_t more) {
    constexpr std::size_t idle_bytes = 1024;
    constexpr std::size_t small_bytes = 16'384;
    const std::size_t bytes =
        reader_.buffer_bytes() + uplinks_.bytes() + unwritten_bytes_ + downlinks_.bytes() + more;
    const auto use =
        bytes <= small_bytes ? net::MemoryBudget::Use::small : net::MemoryBudget::Use::bulk;
    return held_.resize(bytes <= idle_bytes ? 0 : bytes, use);
}

/// A packet that comes byte by byte keeps the connection alive, but not for ever.
void Session::note_packet_under_way() {
    if (end_ || reader_.pending_bytes() == 0) {
        packet_since_.reset();
        return;
    }
    const Clock::time_point now = Clock::now();
    if (!packet_since_) {
        packet_since_ = now;
    } else if (now >= *packet_since_ + options().packet_deadline) {
        ++core_->counters.packet_timeouts;
        end({ReasonCode::keep_alive_timeout, "a packet did not arrive whole in time", true});
    }
}

void Session::after_read(const net::IoResult& read) {
    switch (read.status) {
        case net::IoStatus::ok:
            reader_.filled(read.bytes);
            last_traffic_ = Clock::now();
            return;
        case net::IoStatus::closed:
            end({ReasonCode::success, "the device closed the connection", true});
            return;
        case net::IoStatus::failed:
            end({ReasonCode::success, "the network failed", true});
            return;
        case net::IoStatus::timed_out:
            // Traffic towards the device counts too (spec 4.2): it may have moved the moment.
            if (packet_since_ && silence_max_.count() == 0) {
                return;  // its own deadline says when
            }
            if (Clock::now() >= last_traffic_ + silence_max_) {
                ++core_->counters.keep_alive_timeouts;
                end({ReasonCode::keep_alive_timeout, "nothing came within the keep alive", true});
            }
            return;
    }
}

/// Sees the end through: what scripts still work on is handed in, the device leaves the registry,
/// what is left is written, the socket closes.
net::awaitable<void> Session::finish() {
    if (!end_) {
        end_ = std::make_unique<SessionEnd>();
    }
    try {
        decode_will();
    } catch (const std::exception& failure) {
        log::error("mqtt", "a will was lost device={} what={}", loggable(name()), failure.what());
    }
    while (decoding_ > 0) {
        co_await wait_for_change();
    }
    leave();
    close_when_written();
    while (writing_ || stream_->is_open()) {
        co_await wait_for_change();
    }
    closing_.reset();
    redelivery_.reset();
    for (const Done& done : std::exchange(outbox_dones_, {})) {
        done(false);
    }
}

net::awaitable<void> Session::wait_for_change() {
    if (!change_) {
        change_ = std::make_unique<Timer>(loop());
    }
    change_->expires_at(Clock::time_point::max());
    boost::system::error_code ignored;
    co_await change_->async_wait(asio::redirect_error(Token{}, ignored));
}

void Session::notify() {
    if (change_) {
        change_->cancel();
    }
}

/// Writes what has gathered, again and again until nothing is left; then closes if the session
/// ends.
net::awaitable<void> Session::write_until_empty(std::shared_ptr<Session> self) {
    // A spawned coroutine starts at once: let this turn of the loop gather what else it has to say.
    const auto executor = self->loop().get_executor();
    co_await asio::post(executor, Token{});
    net::IoResult written;
    while (!self->outbox_.empty() && written.status == net::IoStatus::ok) {
        const std::string batch = std::exchange(self->outbox_, {});
        const std::vector<Done> dones = std::exchange(self->outbox_dones_, {});
        const milliseconds deadline = self->options().write_deadline;
        written = co_await self->stream_->write_all(batch, deadline);
        self->unwritten_bytes_ -= batch.size();
        for (const Done& done : dones) {
            done(written.status == net::IoStatus::ok);
        }
        self->last_traffic_ = Clock::now();
        self->notify();
    }
    self->writing_ = false;
    if (written.status != net::IoStatus::ok) {
        self->outbox_.clear();
        self->unwritten_bytes_ = 0;
        self->end({ReasonCode::success, "writing failed", true});
        self->stream_->close();
    } else if (self->end_) {
        self->stream_->close();
    }
    self->notify();
}

void Session::post_send(std::shared_ptr<Session> self, DownlinkMessage message,
                        std::function<void(bool)> done) {
    asio::io_context& loop = self->loop();
    asio::post(loop, [self = std::move(self), message = std::move(message),
                      done = std::move(done)]() mutable { self->send(message, std::move(done)); });
}

void Session::post_end(std::shared_ptr<Session> self, SessionEnd end) {
    asio::io_context& loop = self->loop();
    asio::post(loop, [self = std::move(self), end = std::move(end)]() mutable {
        self->end(std::move(end));
    });
}

}  // namespace updraft::mqtt
