#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace updraft::cli {

/// Takes text/event-stream apart (WHATWG HTML 9.2.6), however the bytes are cut.
class EventStreamParser {
public:
    /// `on_event` gets the event's name ("message" without one) and its data.
    using OnEvent = std::function<void(const std::string& event, const std::string& data)>;
    explicit EventStreamParser(OnEvent on_event) : on_event_(std::move(on_event)) {}

    void feed(std::string_view bytes);

private:
    void take_line(std::string_view line);

    OnEvent on_event_;
    std::string line_;
    std::string event_;
    std::string data_;
    bool has_data_ = false;
    bool after_return_ = false;  ///< the last byte was CR: a LF that follows belongs to it
};

}  // namespace updraft::cli
