#include "simulator/download.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <utility>

namespace updraft::simulator {

namespace http = boost::beast::http;
namespace asio = boost::asio;

namespace {

constexpr int redirects_max = 5;

std::optional<std::uint64_t> number(std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return value;
}

std::string_view view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

/// "bytes 100-199/1000"
struct ContentRange {
    std::uint64_t first = 0;
    std::optional<std::uint64_t> total;
};

std::optional<ContentRange> parse_content_range(std::string_view text) {
    constexpr std::string_view unit = "bytes ";
    if (!text.starts_with(unit)) {
        return std::nullopt;
    }
    text.remove_prefix(unit.size());
    const std::size_t slash = text.find('/');
    const std::size_t dash = text.find('-');
    if (slash == std::string_view::npos || dash == std::string_view::npos || dash > slash) {
        return std::nullopt;
    }
    const auto first = number(text.substr(0, dash));
    if (!first) {
        return std::nullopt;
    }
    return ContentRange{*first, number(text.substr(slash + 1))};
}

/// The whole size that a 416 names: "bytes */1000".
std::optional<std::uint64_t> size_of_unsatisfied(std::string_view text) {
    constexpr std::string_view unit = "bytes */";
    return text.starts_with(unit) ? number(text.substr(unit.size())) : std::nullopt;
}

}  // namespace

/// One connection of a download: asks, reads the head, takes the body piece by piece.
class DownloadConnection {
public:
    DownloadConnection(Shard& shard, Download& download, FetchLimits limits,
                       std::unique_ptr<net::ByteStream> stream)
        : shard_(shard),
          download_(download),
          limits_(limits),
          stream_(std::move(stream)),
          hook_(shard, [this] { stream_->close(); }),
          pacing_(shard) {
        parser_.body_limit(boost::none);
    }
    ~DownloadConnection() { stream_->close(); }

    awaitable<FetchResult> run(const std::string& target, const std::string& authority,
                               const std::function<bool(std::size_t)>& go_on) {
        const std::string request = request_text(target, authority);
        const net::IoResult sent = co_await stream_->write_all(request, limits_.deadline);
        if (sent.status != net::IoStatus::ok) {
            co_return FetchResult{FetchEnd::cut, 0};
        }
        while (!parser_.is_header_done()) {
            const bool more = co_await read_and_parse();
            if (!more) {
                co_return FetchResult{FetchEnd::cut, 0};
            }
        }
        const int status = parser_.get().result_int();
        const std::optional<FetchEnd> settled = judge_head(status);
        if (settled) {
            co_return FetchResult{*settled, status};
        }
        const FetchEnd end = co_await take_body(go_on);
        co_return FetchResult{end, status};
    }

    [[nodiscard]] std::string redirected_to() const {
        return std::string(view(parser_.get()[http::field::location]));
    }

private:
    std::string request_text(const std::string& target, const std::string& authority) const {
        std::string text = fmt::format(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: updraft-device\r\nAccept: */*\r\n"
            "Connection: close\r\n",
            target, authority);
        if (download_.received_ > 0) {
            text += fmt::format("Range: bytes={}-\r\n", download_.received_);
            if (!download_.etag_.empty()) {
                text += fmt::format("If-Range: {}\r\n", download_.etag_);
            }
        }
        return text + "\r\n";
    }

    /// Feeds the parser; what it cannot use yet stays in the buffer. False if the peer is gone or
    /// talks something else than HTTP.
    awaitable<bool> read_and_parse() {
        if (filled_ == 0 || needs_more_) {
            if (filled_ == buffer_.size()) {
                co_return false;
            }
            const std::span<char> room = std::span(buffer_).subspan(filled_);
            const net::IoResult got = co_await stream_->read_some(room, limits_.deadline);
            if (got.status == net::IoStatus::closed && parser_.got_some()) {
                boost::system::error_code error;
                parser_.put_eof(error);
                co_return !error && parser_.is_done();
            }
            if (got.status != net::IoStatus::ok) {
                co_return false;
            }
            filled_ += got.bytes;
        }
        boost::system::error_code error;
        const std::size_t used = parser_.put(asio::const_buffer(buffer_.data(), filled_), error);
        std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(used),
                  buffer_.begin() + static_cast<std::ptrdiff_t>(filled_), buffer_.begin());
        filled_ -= used;
        needs_more_ = used == 0 && error != http::error::need_buffer;
        co_return !error || error == http::error::need_more || error == http::error::need_buffer;
    }

    /// What the status and headers mean for the download; nothing if the body is to be taken.
    std::optional<FetchEnd> judge_head(int status) {
        const auto& head = parser_.get();
        const std::string_view range = view(head[http::field::content_range]);
        if (status == 206) {
            const auto content = parse_content_range(range);
            if (!content || content->first != download_.received_) {
                return FetchEnd::refused;
            }
            download_.total_ = content->total;
        } else if (status == 200) {
            start_over();
            const auto length = parser_.content_length();
            if (length) {
                download_.total_ = *length;
            }
        } else if (status == 416 && size_of_unsatisfied(range) == download_.received_) {
            return FetchEnd::complete;
        } else if (status == 416) {
            start_over();
            return FetchEnd::cut;
        } else if (status == 429 || status >= 500) {
            return FetchEnd::cut;  // the server says "later"
        } else {
            return FetchEnd::refused;
        }
        download_.etag_ = std::string(view(head[http::field::etag]));
        return std::nullopt;
    }

    void start_over() {
        if (download_.received_ > 0) {
            download_.received_ = 0;
            download_.digest_.reset();
        }
    }

    awaitable<FetchEnd> take_body(const std::function<bool(std::size_t)>& go_on) {
        std::array<char, 4096> piece;  // NOLINT: filled by the parser before it is read
        while (!parser_.is_done()) {
            auto& body = parser_.get().body();
            body.data = piece.data();
            body.size = piece.size();
            const bool alive = co_await read_and_parse();
            const std::size_t bytes = piece.size() - parser_.get().body().size;
            if (bytes > 0) {
                download_.digest_.update(std::string_view(piece.data(), bytes));
                download_.received_ += bytes;
                if (!go_on(bytes)) {
                    co_return FetchEnd::dropped;
                }
                co_await pace(bytes);
            }
            if (!alive || shard_.stopping()) {
                co_return FetchEnd::cut;
            }
        }
        co_return FetchEnd::complete;
    }

    /// Waits until the bandwidth limit allows more. Short waits are saved up: timers are coarser.
    awaitable<void> pace(std::size_t bytes) {
        if (limits_.bytes_per_second == 0) {
            co_return;
        }
        paced_bytes_ += bytes;
        const auto due = started_ + milliseconds(paced_bytes_ * 1000 / limits_.bytes_per_second);
        const auto ahead = std::chrono::duration_cast<milliseconds>(due - SteadyClock::now());
        if (ahead >= milliseconds(20)) {
            co_await pacing_.wait(ahead);
        }
    }

    Shard& shard_;
    Download& download_;
    FetchLimits limits_;
    std::unique_ptr<net::ByteStream> stream_;
    StopHook hook_;
    Pause pacing_;
    http::response_parser<http::buffer_body> parser_;
    std::array<char, 8192> buffer_{};
    std::size_t filled_ = 0;
    bool needs_more_ = false;
    std::uint64_t paced_bytes_ = 0;
    SteadyClock::time_point started_ = SteadyClock::now();
};

awaitable<FetchResult> fetch(Shard& shard, Download& download, FetchLimits limits,
                             const std::function<bool(std::size_t)>& go_on) {
    Url url = download.url();
    for (int redirects = 0; redirects <= redirects_max; ++redirects) {
        SSL_CTX* const tls = url.tls ? limits.tls : nullptr;
        if (url.tls && tls == nullptr) {
            co_return FetchResult{FetchEnd::refused, 0};
        }
        const client::Endpoint endpoint = url.endpoint;
        std::unique_ptr<net::ByteStream> stream =
            co_await connect_to(shard, endpoint, tls, limits.deadline);
        if (!stream) {
            co_return FetchResult{FetchEnd::cut, 0};
        }
        const auto connection =
            std::make_unique<DownloadConnection>(shard, download, limits, std::move(stream));
        const FetchResult result = co_await connection->run(url.target, url.authority, go_on);
        const bool redirect = result.status >= 301 && result.status <= 308 && result.status != 304;
        std::optional<Url> next;
        if (redirect) {
            next = client::parse_url(connection->redirected_to());
        }
        if (!next) {
            co_return result;
        }
        url = *next;
    }
    co_return FetchResult{FetchEnd::refused, 0};
}

}  // namespace updraft::simulator
