#include "cli/event_stream.hpp"

#include <utility>

namespace updraft::cli {

void EventStreamParser::feed(std::string_view bytes) {
    for (const char letter : bytes) {
        const bool second_half = letter == '\n' && after_return_;
        after_return_ = letter == '\r';
        if (second_half) {
            continue;
        }
        if (letter == '\n' || letter == '\r') {
            const std::string line = std::exchange(line_, {});
            take_line(line);
        } else {
            line_.push_back(letter);
        }
    }
}

void EventStreamParser::take_line(std::string_view line) {
    if (line.empty()) {
        const std::string event = std::exchange(event_, {});
        const std::string data = std::exchange(data_, {});
        if (std::exchange(has_data_, false)) {
            on_event_(event.empty() ? "message" : event, data);
        }
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value =
        colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) {
        value.remove_prefix(1);
    }
    if (field == "event") {
        event_ = value;
    } else if (field == "data") {
        data_.append(has_data_ ? "\n" : "").append(value);
        has_data_ = true;
    }
}

}  // namespace updraft::cli
