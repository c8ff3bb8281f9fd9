#include "transport/net/worker_pool.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "transport/net/thread_start.hpp"

namespace updraft::net {

struct WorkerPool::State {
    std::string name;
    std::size_t queue_max = 0;
    mutable std::mutex mutex;
    std::condition_variable more;
    std::deque<std::function<void()>> queue;
    bool stopping = false;
    std::vector<std::thread> threads;

    void work_until_stopped() {
        for (;;) {
            std::function<void()> work;
            {
                std::unique_lock lock(mutex);
                more.wait(lock, [this] { return stopping || !queue.empty(); });
                if (queue.empty()) {
                    return;
                }
                work = std::move(queue.front());
                queue.pop_front();
            }
            try {
                work();
            } catch (const std::exception& error) {
                log::error("net", "worker caught an exception pool={} what={}", name, error.what());
            }
        }
    }
};

WorkerPool::WorkerPool(std::string name, std::size_t threads, std::size_t queue_max)
    : state_(std::make_unique<State>()) {
    state_->name = std::move(name);
    state_->queue_max = queue_max;
    for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
        state_->threads.emplace_back([state = state_.get(), i] {
            start_thread(fmt::format("{}-{}", state->name, i));
            state->work_until_stopped();
        });
    }
}

WorkerPool::~WorkerPool() {
    stop();
}

bool WorkerPool::post(std::function<void()> work) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->stopping || state_->queue.size() >= state_->queue_max) {
            return false;
        }
        state_->queue.push_back(std::move(work));
    }
    state_->more.notify_one();
    return true;
}

awaitable<bool> WorkerPool::run(std::function<void()> work) {
    using Token = asio::use_awaitable_t<asio::io_context::executor_type>;
    constexpr Token token{};
    const asio::io_context::executor_type loop = co_await asio::this_coro::executor;

    auto initiate = [this, loop](auto handler, std::function<void()> job) {
        // std::function wants to copy what it holds; the handler can only move.
        const auto kept = std::make_shared<decltype(handler)>(std::move(handler));
        // Moved, so that the loop is the last owner of the exception that it rethrows.
        const auto complete = [kept, loop](std::exception_ptr failure, bool ran) {
            asio::post(loop, [handler = std::move(*kept), failure = std::move(failure),
                              ran]() mutable { std::move(handler)(std::move(failure), ran); });
        };
        const bool queued = post([complete, job = std::move(job)] {
            std::exception_ptr failure;
            try {
                job();
            } catch (...) {
                failure = std::current_exception();
            }
            complete(std::move(failure), true);
        });
        if (!queued) {
            complete(nullptr, false);
        }
    };
    const bool ran = co_await asio::async_initiate<const Token, void(std::exception_ptr, bool)>(
        std::move(initiate), token, std::move(work));
    co_return ran;
}

std::size_t WorkerPool::queued() const {
    const std::lock_guard lock(state_->mutex);
    return state_->queue.size();
}

void WorkerPool::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->more.notify_all();
    for (std::thread& thread : state_->threads) {
        if (thread.joinable()) {
            thread.join();
        }
    }
}

}  // namespace updraft::net
