#include "transport/http/body_decoder.hpp"

#include <charconv>

#include "transport/http/syntax.hpp"

namespace updraft::http {

namespace {

constexpr std::size_t line_bytes_max = 1024;     ///< of a size line with extensions
constexpr std::size_t trailer_bytes_max = 8192;  ///< of all trailer fields, which are ignored

}  // namespace

BodyDecoder::BodyDecoder(const RequestHead& head) {
    if (head.chunked) {
        state_ = State::size_line;
    } else if (head.content_length > 0) {
        state_ = State::raw;
        left_ = head.content_length;
    }
}

std::size_t BodyDecoder::decode(std::string_view received, std::string& body,
                                std::size_t bytes_max) {
    std::size_t used = 0;
    while (used < received.size() && !done() && !failed()) {
        const std::string_view rest = received.substr(used);
        if (state_ != State::raw && state_ != State::chunk) {
            used += decode_line(rest);
            continue;
        }
        if (bytes_max == 0) {
            break;
        }
        const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(
            static_cast<std::uint64_t>(left_), std::min(rest.size(), bytes_max)));
        body.append(rest.substr(0, take));
        bytes_max -= take;
        used += take;
        left_ -= static_cast<std::int64_t>(take);
        if (left_ == 0) {
            state_ = state_ == State::raw ? State::done : State::chunk_end;
        }
    }
    return used;
}

void BodyDecoder::took_raw(std::int64_t bytes) {
    left_ -= bytes;
    if (left_ == 0) {
        state_ = State::done;
    }
}

std::size_t BodyDecoder::decode_line(std::string_view received) {
    const std::size_t feed = received.find('\n');
    const std::size_t take = feed == std::string_view::npos ? received.size() : feed + 1;
    line_.append(received.substr(0, take));
    if (line_.size() > line_bytes_max) {
        state_ = State::failed;
    } else if (feed != std::string_view::npos) {
        end_line();
        line_.clear();
    }
    return take;
}

void BodyDecoder::end_line() {
    if (!line_.ends_with("\r\n")) {  // a bare line feed: some see a line end here, some do not
        state_ = State::failed;
        return;
    }
    if (state_ == State::size_line) {
        end_size_line();
    } else if (state_ == State::chunk_end) {
        state_ = line_.size() == 2 ? State::size_line : State::failed;
    } else {
        trailer_bytes_ += line_.size();
        if (trailer_bytes_ > trailer_bytes_max) {
            state_ = State::failed;
        } else if (line_.size() == 2) {
            state_ = State::done;
        }
    }
}

void BodyDecoder::end_size_line() {
    const std::string_view line(line_.data(), line_.size() - 2);
    const std::string_view digits = trimmed(line.substr(0, line.find(';')));
    std::int64_t size = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
    const bool valid = !digits.empty() && digits.front() != '-' && parsed.ec == std::errc{} &&
                       parsed.ptr == digits.data() + digits.size() && line.find('\r') == line.npos;
    if (!valid) {
        state_ = State::failed;
        return;
    }
    left_ = size;
    state_ = size == 0 ? State::trailer : State::chunk;
}

}  // namespace updraft::http
