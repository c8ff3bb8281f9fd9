#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "transport/net/byte_stream.hpp"
#include "transport/net/deadline.hpp"
#include "transport/net/turns.hpp"

namespace updraft::net {

/// What plain and TLS streams share: the socket, waiting with a deadline, closing.
class SocketStream : public ByteStream {
public:
    [[nodiscard]] bool is_open() const override { return open_; }
    [[nodiscard]] std::string remote_address() const override;
    [[nodiscard]] asio::io_context& loop() override { return loop_; }
    void finish_writing() override;
    void detect_loss(std::chrono::milliseconds after) override;
    void limit_unsent(std::size_t bytes_max) override;
    void close() override;

protected:
    using Token = asio::use_awaitable_t<asio::io_context::executor_type>;

    SocketStream(asio::io_context& loop, Socket socket);

    /// Waits until the socket can be read or written.
    awaitable<IoStatus> wait_readable(std::chrono::milliseconds deadline);
    awaitable<IoStatus> wait_writable(std::chrono::milliseconds deadline);
    /// Lets other connections of this loop have a turn.
    awaitable<void> give_way();
    enum class More : std::uint8_t { none, follows };
    /// Writes everything. `send` moves some of the bytes that it is given and says how many; where
    /// that is none, `wait` tells what to do after its answer.
    template <class Send, class Wait>
    awaitable<IoResult> write_by(std::string_view bytes, More more, Send send, Wait wait) {
        std::size_t done = 0;
        while (done < bytes.size()) {
            if (!open_) {
                co_return IoResult{IoStatus::closed, done};
            }
            const std::int64_t sent = send(bytes.substr(done));
            if (sent > 0) {
                done += static_cast<std::size_t>(sent);
                continue;
            }
            const IoStatus status = co_await wait(sent);
            if (status != IoStatus::ok) {
                co_return IoResult{status, done};
            }
        }
        if (more == More::none) {
            hold_back(false);
        }
        co_return IoResult{IoStatus::ok, done};
    }
    static awaitable<IoStatus> settled(IoStatus status) { co_return status; }
    /// While held back, the kernel sends whole packets only; what is left goes out when it ends.
    void hold_back(bool held);

    asio::io_context& loop_;
    Turns& turns_;  ///< of the loop
    Socket socket_;
    bool open_ = true;
    Deadline read_deadline_;

private:
    awaitable<IoStatus> wait(Socket::wait_type what, Deadline& timer,
                             std::chrono::milliseconds deadline);
    void cancel();

    std::unique_ptr<Deadline> write_deadline_;  ///< of a peer that once read too slowly
    bool held_back_ = false;
    asio::ip::tcp::endpoint peer_;
};

/// What a peer's own doing looks like in errno: it hung up, or the network lost it.
[[nodiscard]] IoStatus status_of_errno(int error);

}  // namespace updraft::net
