#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace updraft::net {

/// How many bytes all connections together may hold of what peers sent or have not taken yet:
/// heads, bodies, packets, events. What a connection holds while it idles is bounded by their
/// number. Safe from every thread.
class MemoryBudget {
public:
    /// What it is for: the last quarter is not for the bulk of bodies, packets and events, so that
    /// whoever fills the rest does not keep others from small requests and from answers.
    enum class Use : std::uint8_t { bulk, small };

    explicit MemoryBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    /// False, and nothing taken, if so many more are not there.
    [[nodiscard]] bool take(std::size_t bytes, Use use = Use::bulk) {
        const std::size_t limit = use == Use::small ? bytes_max_ : bytes_max_ - bytes_max_ / 4;
        std::size_t used = used_.load(std::memory_order_relaxed);
        do {
            if (bytes > limit || used > limit - bytes) {
                refused_.fetch_add(1, std::memory_order_relaxed);
                return false;
            }
        } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
        return true;
    }
    void give_back(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

    [[nodiscard]] std::size_t used() const { return used_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t bytes_max() const { return bytes_max_; }
    /// How often there was not enough.
    [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

private:
    const std::size_t bytes_max_;
    std::atomic<std::size_t> used_{0};
    std::atomic<std::uint64_t> refused_{0};
};

/// One holder's part of a budget, given back at its end. Without a budget everything fits.
class MemoryShare {
public:
    explicit MemoryShare(MemoryBudget* budget = nullptr) : budget_(budget) {}
    ~MemoryShare() { (void)resize(0); }
    MemoryShare(const MemoryShare&) = delete;
    MemoryShare& operator=(const MemoryShare&) = delete;

    /// Makes the part so large; false, and nothing changed, if that does not fit. Less always fits.
    [[nodiscard]] bool resize(std::size_t bytes, MemoryBudget::Use use = MemoryBudget::Use::bulk) {
        if (budget_ == nullptr || bytes == bytes_) {
            return true;
        }
        if (bytes > bytes_ && !budget_->take(bytes - bytes_, use)) {
            return false;
        }
        if (bytes < bytes_) {
            budget_->give_back(bytes_ - bytes);
        }
        bytes_ = bytes;
        return true;
    }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    MemoryBudget* budget_;
    std::size_t bytes_ = 0;
};

}  // namespace updraft::net
