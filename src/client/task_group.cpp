#include "client/task_group.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

namespace updraft::client {

namespace asio = boost::asio;
using Token = asio::use_awaitable_t<asio::io_context::executor_type>;

StopHook::StopHook(TaskGroup& group, std::function<void()> wake)
    : group_(group), wake_(std::move(wake)) {
    group_.hooks_.insert(this);
}

StopHook::~StopHook() {
    group_.hooks_.erase(this);
}

Pause::Pause(TaskGroup& group)
    : group_(group), timer_(group.loop()), hook_(group, [this] { wake(); }) {}

awaitable<bool> Pause::wait(milliseconds duration) {
    if (group_.stopping()) {
        co_return false;
    }
    if (duration.count() > 0) {
        boost::system::error_code ignored;  // only says that wake() ended the wait
        timer_.expires_after(duration);
        co_await timer_.async_wait(asio::redirect_error(Token{}, ignored));
    }
    co_return !group_.stopping();
}

void Pause::wake() {
    timer_.cancel();
}

void TaskGroup::start(std::string name, awaitable<void> task) {
    ++running_;
    net::spawn(loop_, std::move(name), counted(std::move(task)));
}

awaitable<void> TaskGroup::counted(awaitable<void> task) {
    struct Leave {
        std::atomic<std::size_t>& running;
        ~Leave() {
            --running;
            running.notify_all();
        }
    };
    const Leave leave{running_};
    co_await std::move(task);
}

void TaskGroup::stop() {
    stopping_ = true;
    const std::vector<StopHook*> hooks(hooks_.begin(), hooks_.end());
    for (StopHook* const hook : hooks) {
        hook->wake_();
    }
}

void TaskGroup::wait_until_idle() const {
    for (std::size_t left = running_.load(); left > 0; left = running_.load()) {
        running_.wait(left);
    }
}

}  // namespace updraft::client
