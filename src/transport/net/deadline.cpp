#include "transport/net/deadline.hpp"

#include <utility>

namespace updraft::net {

namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<SteadyClock, asio::wait_traits<SteadyClock>,
                                         asio::io_context::executor_type>;

struct Deadline::State {
    State(asio::io_context& loop, std::function<void()> on_expired)
        : timer(loop), expired(std::move(on_expired)) {}

    Timer timer;
    std::function<void()> expired;  ///< empty once the owner is gone
    SteadyClock::time_point due = SteadyClock::time_point::max();
    bool armed = false;
    bool passed = false;

    static void arm(const std::shared_ptr<State>& state) {
        state->armed = true;
        state->timer.expires_at(state->due);
        state->timer.async_wait([state](const boost::system::error_code& error) {
            if (error || !state->expired) {
                return;  // re-armed for an earlier moment, or the owner is gone
            }
            fire(state);
        });
    }

    static void fire(const std::shared_ptr<State>& state) {
        state->armed = false;
        if (state->due == SteadyClock::time_point::max()) {
            return;
        }
        if (SteadyClock::now() < state->due) {
            arm(state);
            return;
        }
        state->due = SteadyClock::time_point::max();
        state->passed = true;
        state->expired();
    }
};

Deadline::Deadline(asio::io_context& loop, std::function<void()> expired)
    : state_(std::make_shared<State>(loop, std::move(expired))) {}

Deadline::~Deadline() {
    state_->expired = nullptr;
    state_->timer.cancel();
}

void Deadline::start(std::chrono::milliseconds after) {
    state_->passed = false;
    if (after.count() <= 0) {
        state_->due = SteadyClock::time_point::max();
        return;
    }
    state_->due = SteadyClock::now() + after;
    if (!state_->armed || state_->timer.expiry() > state_->due) {
        State::arm(state_);
    }
}

void Deadline::stop() {
    state_->due = SteadyClock::time_point::max();
}

bool Deadline::passed() const {
    return state_->passed;
}

}  // namespace updraft::net
