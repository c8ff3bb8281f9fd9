#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "transport/net/event_loops.hpp"

namespace updraft::net {

/// Threads for synchronous work: services, storage, hashing. The queue is bounded.
class WorkerPool {
public:
    /// `name` stands in logs and thread names.
    WorkerPool(std::string name, std::size_t threads, std::size_t queue_max);
    /// Finishes what is queued, then joins.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    /// Queues `work`; false when the queue is full or the pool is stopping: say "later" (503,
    /// CONNACK 0x03). `work` must not throw. Safe from every thread; never blocks.
    [[nodiscard]] bool post(std::function<void()> work);

    /// Runs `work` on the pool and resumes the caller on its own loop. False when it was not run
    /// because the queue is full. An exception of `work` is rethrown here.
    awaitable<bool> run(std::function<void()> work);

    [[nodiscard]] std::size_t queued() const;
    void stop();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace updraft::net
