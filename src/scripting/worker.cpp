#include "scripting/worker.hpp"

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "scripting/confinement.hpp"
#include "scripting/sandbox.hpp"

namespace updraft::scripting {
namespace {

/// What the process may have beside the package's own memory: the frames of one batch, twice.
constexpr std::size_t memory_beside_bytes = std::size_t{64} * 1024 * 1024;
/// A frame from the server is never longer; see WorkerProcess.
constexpr std::size_t frame_bytes_max = std::size_t{16} * 1024 * 1024;

bool read_all(char* out, std::size_t size) {
    while (size > 0) {
        const ssize_t got = ::read(worker_socket, out, size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        out += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(worker_socket, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

/// The next frame without its head; nothing when the server is gone.
std::optional<std::string> read_frame() {
    char head[frame_head_bytes];
    if (!read_all(head, sizeof head)) {
        return std::nullopt;
    }
    const std::uint32_t length = frame_length({head, sizeof head});
    if (length > frame_bytes_max) {
        return std::nullopt;
    }
    std::string frame(length, '\0');
    if (!read_all(frame.data(), frame.size())) {
        return std::nullopt;
    }
    return frame;
}

int serve(const Load& load) {
    Sandbox sandbox(load.limits);
    if (!write_all(answers_frame({sandbox.load(load.script)}))) {
        return 0;
    }
    while (const std::optional<std::string> frame = read_frame()) {
        const std::optional<std::vector<ScriptCall>> calls = read_calls(*frame);
        if (!calls) {
            return 1;
        }
        std::vector<Answer> answers;
        for (const ScriptCall& call : *calls) {
            answers.push_back(sandbox.call(call));
        }
        if (!write_all(answers_frame(answers))) {
            return 0;
        }
    }
    return 0;
}

}  // namespace

int worker_main() {
    die_with_parent();
    const std::optional<std::string> frame = read_frame();
    const std::optional<Load> load = frame ? read_load(*frame) : std::nullopt;
    if (!load) {
        return 1;
    }
    const bool confined =
        confine({worker_socket, load->limits.memory_bytes_max + memory_beside_bytes,
                 load->limits.worker_cpu_max});
    if (!confined) {
        return 2;
    }
    int status = 3;
    try {
        status = serve(*load);
    } catch (...) {
        status = 3;  // no memory left; there is nobody to tell but by the status
    }
    ::_exit(status);  // what runs at an exit may call what is not allowed here
}

}  // namespace updraft::scripting
