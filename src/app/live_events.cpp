#include "app/live_events.hpp"

#include <atomic>
#include <vector>

namespace updraft {
namespace {

/// One subscription. The lock is held during a call, so that whoever ends the subscription knows
/// that no call is running any more; it is recursive, because a listener may end its own
/// subscription.
struct Entry {
    std::recursive_mutex calling;
    bool alive = true;
    LiveEvents::Listener listener;
};

using Entries = std::vector<std::shared_ptr<Entry>>;

}  // namespace

struct LiveEvents::Listeners {
    std::mutex mutex;
    std::shared_ptr<const Entries> entries = std::make_shared<const Entries>();
    std::atomic<std::size_t> count{0};

    void add(const std::shared_ptr<Entry>& entry) {
        const std::lock_guard lock(mutex);
        auto next = std::make_shared<Entries>(*entries);
        next->push_back(entry);
        count = next->size();
        entries = std::move(next);
    }

    void remove(const std::shared_ptr<Entry>& entry) {
        const std::lock_guard lock(mutex);
        auto next = std::make_shared<Entries>(*entries);
        std::erase(*next, entry);
        count = next->size();
        entries = std::move(next);
    }

    [[nodiscard]] std::shared_ptr<const Entries> all() {
        const std::lock_guard lock(mutex);
        return entries;
    }
};

std::shared_ptr<LiveEvents::Listeners> LiveEvents::make_listeners() {
    return std::make_shared<Listeners>();
}

LiveEvents::Subscription LiveEvents::subscribe(Listener listener) {
    auto entry = std::make_shared<Entry>();
    entry->listener = std::move(listener);
    listeners_->add(entry);
    const auto end = [listeners = listeners_, entry](void*) {
        listeners->remove(entry);
        const std::lock_guard lock(entry->calling);
        entry->alive = false;
    };
    return Subscription(std::shared_ptr<void>(entry.get(), end));
}

bool LiveEvents::anyone_listens() const {
    return listeners_->count.load(std::memory_order_relaxed) > 0;
}

void LiveEvents::publish(const LiveEvent& event) const {
    if (!anyone_listens()) {
        return;
    }
    for (const std::shared_ptr<Entry>& entry : *listeners_->all()) {
        const std::lock_guard lock(entry->calling);
        if (entry->alive) {
            entry->listener(event);
        }
    }
}

}  // namespace updraft
