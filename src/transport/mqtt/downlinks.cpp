#include "transport/mqtt/downlinks.hpp"

#include <algorithm>
#include <numeric>

namespace updraft::mqtt {

bool Downlinks::subscribe(const std::string& filter, std::uint8_t qos, std::size_t filters_max,
                          std::size_t bytes_max) {
    const auto known = std::ranges::find(filters_, filter, &Filter::text);
    if (known != filters_.end()) {
        known->qos = qos;
        return true;
    }
    const std::size_t bytes =
        std::accumulate(filters_.begin(), filters_.end(), filter.size(),
                        [](std::size_t sum, const Filter& one) { return sum + one.text.size(); });
    if (filters_.size() >= filters_max || bytes > bytes_max) {
        return false;
    }
    filters_.push_back({filter, qos});
    return true;
}

bool Downlinks::unsubscribe(std::string_view filter) {
    return std::erase_if(filters_, [&](const Filter& one) { return one.text == filter; }) > 0;
}

std::uint8_t Downlinks::qos_for(std::string_view topic) const {
    const bool wanted = std::ranges::any_of(filters_, [&](const Filter& filter) {
        return filter.qos > 0 && matches(filter.text, topic);
    });
    return wanted ? 1 : 0;
}

std::optional<std::uint16_t> Downlinks::reserve(std::size_t max) {
    if (unacknowledged_.size() >= std::min(max, unacknowledged_max_)) {
        return std::nullopt;
    }
    do {
        ++last_packet_id_;
    } while (last_packet_id_ == 0 ||
             std::ranges::find(unacknowledged_, last_packet_id_, &Unacknowledged::packet_id) !=
                 unacknowledged_.end());
    return last_packet_id_;
}

void Downlinks::sent(std::uint16_t packet_id, std::string bytes, TimePoint due) {
    unacknowledged_.push_back({packet_id, std::move(bytes), due, 0});
}

void Downlinks::acknowledged(std::uint16_t packet_id) {
    std::erase_if(unacknowledged_,
                  [&](const Unacknowledged& one) { return one.packet_id == packet_id; });
    if (unacknowledged_.empty()) {
        unacknowledged_.shrink_to_fit();
    }
}

std::optional<Downlinks::TimePoint> Downlinks::next_due() const {
    std::optional<TimePoint> next;
    for (const Unacknowledged& one : unacknowledged_) {
        if (!one.bytes.empty() && (!next || one.due < *next)) {
            next = one.due;
        }
    }
    return next;
}

std::vector<std::string> Downlinks::due(TimePoint now, TimePoint again, int redeliveries_max) {
    std::vector<std::string> bytes;
    std::erase_if(unacknowledged_, [&](Unacknowledged& one) {
        if (one.bytes.empty() || one.due > now) {
            return false;
        }
        if (one.redeliveries >= redeliveries_max) {
            return true;
        }
        ++one.redeliveries;
        one.due = again;
        bytes.push_back(one.bytes);
        return false;
    });
    return bytes;
}

}  // namespace updraft::mqtt
