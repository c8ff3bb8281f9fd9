#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transport/http/message.hpp"
#include "transport/net/event_loops.hpp"
#include "transport/net/loop_signal.hpp"
#include "transport/net/memory_budget.hpp"

namespace updraft::http {

/// A request's body on its way from the session's loop to a handler on a worker thread.
class UploadChannel final : public BodyReader, public std::enable_shared_from_this<UploadChannel> {
public:
    static constexpr std::size_t chunk_bytes = 256 * 1024;
    static constexpr std::size_t chunks_max = 4;
    /// What it holds at most, with the chunk that is being filled.
    static constexpr std::size_t bytes_max = (chunks_max + 1) * chunk_bytes;

    UploadChannel(net::asio::io_context& loop, std::optional<std::int64_t> length);

    // The worker's side.
    [[nodiscard]] std::string read() override;
    [[nodiscard]] std::optional<std::int64_t> length() const override { return length_; }

    // The loop's side. `changed` wakes when the handler asks for the first bytes or has made room.
    net::LoopSignal changed;
    [[nodiscard]] bool asked() const;  ///< the handler has called read()
    [[nodiscard]] bool full() const;
    void push(std::string chunk);
    void finish();  ///< the body is complete
    void cut();     ///< it never will be

private:
    void wake();

    net::asio::io_context& loop_;
    const std::optional<std::int64_t> length_;
    mutable std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::string> chunks_;
    bool asked_ = false;
    bool finished_ = false;
    bool cut_ = false;
};

/// A streamed answer on its way from a worker thread to the session's loop.
class AnswerChannel final : public BodyWriter, public std::enable_shared_from_this<AnswerChannel> {
public:
    explicit AnswerChannel(net::asio::io_context& loop) : changed(loop), loop_(loop) {}

    // The worker's side.
    [[nodiscard]] bool write(std::string_view bytes) override;
    enum class End : std::uint8_t { none, complete, broken };
    void end(End how);

    // The loop's side. `changed` wakes when there is something to take, or the end.
    net::LoopSignal changed;
    struct Taken {
        std::string bytes;
        End end = End::none;  ///< how it ends after `bytes`
    };
    [[nodiscard]] Taken take();
    void abandon();  ///< the client has gone: write() is false from now on

private:
    void wake();

    static constexpr std::size_t bytes_max = 512 * 1024;
    net::asio::io_context& loop_;
    std::mutex mutex_;
    std::condition_variable room_;
    std::string bytes_;
    End end_ = End::none;
    bool abandoned_ = false;
};

/// Frames on their way to a client that is told things: server-sent events, WebSocket. Any thread
/// pushes, the session's loop takes. A full queue means a client that is too slow: it is given up.
class OutQueue final : public std::enable_shared_from_this<OutQueue> {
public:
    /// `on_overflow` runs on the loop, unless the session left before.
    /// `budget` may be null, and outlives the queue.
    OutQueue(net::asio::io_context& loop, std::size_t frames_max, net::MemoryBudget* budget,
             std::function<void()> on_overflow);

    /// False when it is full, finished or left, or when all queues together hold too much.
    bool push(std::string frame);
    /// Sends `last` after what is queued; nothing is taken any more.
    void finish(std::string last);

    // The loop's side.
    net::LoopSignal changed;
    /// What was taken before is written by now.
    [[nodiscard]] std::vector<std::string> take();
    [[nodiscard]] bool finished() const;
    void leave();

private:
    void wake();

    net::asio::io_context& loop_;
    const std::size_t frames_max_;
    std::function<void()> on_overflow_;  ///< on the loop only
    mutable std::mutex mutex_;
    std::vector<std::string> frames_;
    std::size_t bytes_ = 0;
    std::size_t taken_bytes_ = 0;  ///< that are being written
    net::MemoryShare held_;
    bool finished_ = false;
    bool overflowed_ = false;
    bool left_ = false;
};

}  // namespace updraft::http
