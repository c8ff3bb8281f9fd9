#include "storage/artifacts/reread.hpp"

#include <fcntl.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <span>

namespace updraft {
namespace {

constexpr std::size_t chunk_bytes = 1 << 20;
constexpr std::size_t block_bytes = 4096;  ///< what O_DIRECT wants, on every disk in use

struct Free {
    void operator()(char* memory) const { std::free(memory); }
};
using Chunk = std::unique_ptr<char, Free>;

Chunk aligned_chunk() {
    Chunk chunk(static_cast<char*>(std::aligned_alloc(block_bytes, chunk_bytes)));
    if (!chunk) {
        throw std::bad_alloc();
    }
    return chunk;
}

RereadFile read_through(const DigestAlgorithms& algorithms, const OpenFile& file, const Pace& pace,
                        const std::function<void(std::int64_t, std::string_view)>& use) {
    const Chunk chunk = aligned_chunk();
    Sha256Hasher hasher(algorithms);
    RereadFile read;
    while (const std::size_t count =
               file.read_some_at(read.size_bytes, std::span(chunk.get(), chunk_bytes))) {
        const std::string_view bytes(chunk.get(), count);
        hasher.update(bytes);
        use(read.size_bytes, bytes);
        read.size_bytes += static_cast<std::int64_t>(count);
        pace(count);
    }
    read.sha256 = hasher.finish();
    return read;
}

}  // namespace

RereadFile reread(const DigestAlgorithms& algorithms, const OpenFile& file, const Pace& pace) {
    return read_through(algorithms, file, pace, [](std::int64_t, std::string_view) {});
}

RereadFile copy_file(const DigestAlgorithms& algorithms, const OpenFile& from,
                     const std::string& to, const Pace& pace) {
    const OpenFile copy(to, O_RDWR | O_CREAT | O_EXCL);
    RereadFile read = read_through(
        algorithms, from, pace,
        [&](std::int64_t offset, std::string_view bytes) { copy.write_at(offset, bytes); });
    copy.sync();
    return read;
}

}  // namespace updraft
