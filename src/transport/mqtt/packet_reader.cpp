#include <algorithm>
#include <cstring>

#include "transport/mqtt/packet.hpp"

namespace updraft::mqtt {
namespace {

/// What an idle connection holds; most device messages fit.
constexpr std::size_t idle_buffer_bytes = 512;
/// What one read may take from a connection that has more waiting.
constexpr std::size_t busy_buffer_bytes = 16U * 1024;

}  // namespace

void PacketReader::resize(std::size_t capacity) {
    std::unique_ptr<char[]> larger(new char[capacity]);
    if (end_ > begin_) {
        std::memcpy(larger.get(), buffer_.get() + begin_, end_ - begin_);
    }
    end_ -= begin_;
    begin_ = 0;
    buffer_ = std::move(larger);
    capacity_ = capacity;
}

std::span<char> PacketReader::room() {
    const std::size_t pending = end_ - begin_;
    if (pending == 0) {
        begin_ = end_ = 0;
        const std::size_t wish = busy_ ? busy_buffer_bytes : idle_buffer_bytes;
        if (capacity_ != wish) {
            resize(wish);
        }
    } else if (begin_ > 0 && capacity_ - end_ < capacity_ / 2) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, pending);
        begin_ = 0;
        end_ = pending;
    }
    if (end_ == capacity_) {
        resize(capacity_ * 2);
    }
    return {buffer_.get() + end_, capacity_ - end_};
}

void PacketReader::filled(std::size_t bytes) {
    end_ += bytes;
    busy_ = end_ == capacity_;
}

void PacketReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::span<char> into = room();
        const std::size_t count = std::min(bytes.size(), into.size());
        std::memcpy(into.data(), bytes.data(), count);
        filled(count);
        bytes.remove_prefix(count);
    }
}

std::variant<std::monostate, Packet, PacketError> PacketReader::next() {
    if (failed_) {
        return *failed_;
    }
    const std::size_t pending = end_ - begin_;
    if (pending == 0 || pending < wanted_) {
        // Bytes of a packet that is known to be incomplete are not parsed again and again. The
        // first byte alone is looked at, since it may be wrong already.
        if (pending != 1 || wanted_ > 2) {
            return std::monostate{};
        }
    }
    ParseResult result =
        parse_packet({buffer_.get() + begin_, pending}, version_, packet_bytes_max_);
    if (const auto* more = std::get_if<NeedMore>(&result)) {
        wanted_ = more->total_bytes;
        return std::monostate{};
    }
    if (const auto* error = std::get_if<PacketError>(&result)) {
        failed_ = *error;
        return *error;
    }
    auto& parsed = std::get<Parsed>(result);
    begin_ += parsed.bytes;
    wanted_ = 2;
    if (const auto* connect = std::get_if<Connect>(&parsed.packet)) {
        version_ = connect->version;
    }
    return std::move(parsed.packet);
}

}  // namespace updraft::mqtt
