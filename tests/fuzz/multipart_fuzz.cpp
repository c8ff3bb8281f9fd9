// multipart/form-data: the first line is the Content-Type, the rest the body. The parts must not
// depend on where the network cuts it, no more comes out than went in, and memory stays bounded.
#include <optional>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"
#include "transport/http/rest/files_multipart.hpp"

namespace updraft::fuzz {
namespace {

using rest::MultipartReader;

struct ReadPart {
    MultipartReader::Part head;
    std::string bytes;
};

struct Outcome {
    std::vector<ReadPart> parts;
    bool complete = false;
};

Outcome read_in_steps(std::string_view boundary, std::string_view body, std::size_t step) {
    MultipartReader reader(boundary, [&] {
        std::string piece(body.substr(0, step));
        body.remove_prefix(piece.size());
        return piece;
    });
    Outcome outcome;
    while (true) {
        auto part = reader.next_part();
        if (!part) {
            return outcome;
        }
        if (!*part) {
            outcome.complete = true;
            return outcome;
        }
        outcome.parts.push_back({**std::move(part), {}});
        if (outcome.parts.size() % 3 == 0) {
            continue;  // a part that nobody wants is skipped
        }
        while (true) {
            const auto bytes = reader.read();
            if (!bytes) {
                return outcome;
            }
            if (bytes->empty()) {
                break;
            }
            outcome.parts.back().bytes += *bytes;
        }
    }
}

void require_same(const Outcome& a, const Outcome& b) {
    UPDRAFT_ASSERT(a.complete == b.complete);
    UPDRAFT_ASSERT(a.parts.size() == b.parts.size());
    for (std::size_t i = 0; i < a.parts.size(); ++i) {
        UPDRAFT_ASSERT(a.parts[i].head.name == b.parts[i].head.name);
        UPDRAFT_ASSERT(a.parts[i].head.file_name == b.parts[i].head.file_name);
        // Of a body that breaks off, the last part may have come less far.
        UPDRAFT_ASSERT(a.parts[i].bytes == b.parts[i].bytes || !a.complete);
    }
}

}  // namespace

UPDRAFT_FUZZ_TARGET(multipart) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const auto boundary = rest::multipart_boundary(input.substr(0, end));
    if (!boundary || !*boundary) {
        return;
    }
    const std::string_view body = input.substr(std::min(end + 1, input.size()));
    const Outcome whole = read_in_steps(**boundary, body, body.size() + 1);
    require_same(whole, read_in_steps(**boundary, body, 1));
    require_same(whole, read_in_steps(**boundary, body, 7));
    std::size_t bytes = 0;
    for (const ReadPart& part : whole.parts) {
        bytes += part.bytes.size();
    }
    UPDRAFT_ASSERT(bytes <= body.size());
}

}  // namespace updraft::fuzz
